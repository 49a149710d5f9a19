/** Takes signed webhooks on a free loopback port, and believes only those whose signature is right. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebhookEvent, webhookEventSchema } from '@amanuensis/contract';
import { Webhook } from 'standardwebhooks';

const HOST = '127.0.0.1';
const SECRET_BYTES = 32;
/** Webhooks are thin. */
const MAX_BODY_BYTES = 64 * 1024;

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  /** `host:port`, as the operator lists receivers with a private address. */
  readonly address: string;
  readonly secret: string;
  /** Why deliveries were refused. */
  readonly refusals: readonly string[];
  /** Resolves with the event of the job once it was delivered with a good signature. */
  event(jobId: string): Promise<WebhookEvent>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
  const webhook = new Webhook(secret);
  const refusals: string[] = [];
  const slots = new Map<string, PromiseWithResolver<WebhookEvent>>();
  const slotOf = (jobId: string) => {
    const slot = slots.get(jobId) ?? withResolver<WebhookEvent>();
    slots.set(jobId, slot);
    return slot;
  };
  const server = createServer(async (request, response) => {
    try {
      const body = await readBody(request);
      const headers = request.headers as Record<string, string>;
      const event = webhookEventSchema.parse(webhook.verify(body, headers));
      slotOf(event.data.id).resolve(event);
      response.writeHead(204).end();
    } catch (error) {
      refusals.push((error as Error).message);
      response.writeHead(400).end();
    }
  }).listen(0, HOST);
  await once(server, 'listening');
  const address = `${HOST}:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${address}/webhook`,
    address,
    secret,
    refusals,
    event: (jobId) => slotOf(jobId).promise,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`The body is larger than ${MAX_BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

interface PromiseWithResolver<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function withResolver<T>(): PromiseWithResolver<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
