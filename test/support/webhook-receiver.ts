/** A real HTTP receiver of webhooks that keeps what it got and answers as it is told. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ReceivedWebhook {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers the `index`th request; leaving it unanswered is a way to hang. */
export type Answer = (response: ServerResponse, index: number) => void;

export interface WebhookReceiver extends AsyncDisposable {
  /** `host:port`, as the operator lists it. */
  readonly host: string;
  readonly url: string;
  readonly received: readonly ReceivedWebhook[];
}

export async function startWebhookReceiver(
  answer: Answer = (response) => response.writeHead(204).end(),
): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const index = received.push({ method, path, headers, body: await text(request) }) - 1;
    answer(response, index);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}/hook?token=hidden`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
