/** One attempt to deliver a webhook: a signed POST after the Standard Webhooks specification. */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { WebhookEvent } from '@amanuensis/contract';
import { Webhook } from 'standardwebhooks';
import { VERSION } from '../version.ts';
import type { UrlGuard } from './url-guard.ts';

/** From the first byte to the last one of the answer. */
export const DELIVERY_TIMEOUT_MS = 15_000;
/** An answer's body means nothing; this much is read so that a well-behaved receiver ends cleanly. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

export interface DeliveryRequest {
  readonly url: string;
  /** Constant over all attempts. */
  readonly eventId: string;
  readonly event: WebhookEvent;
}

export interface DeliveryParts {
  readonly guard: UrlGuard;
  readonly secret: string;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** The receiver did not take the event. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** Null where there was no answer. */
  readonly status: number | null;
  /** The receiver asked not to be tried sooner. */
  readonly retryAfterMs: number;

  constructor(message: string, status: number | null, retryAfterMs = 0, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** The receiver wants no more of it. */
  get isFinal(): boolean {
    return this.status === 410;
  }
}

/**
 * Resolves once the receiver answered 2xx. A redirect is not followed: it would lead past the guard.
 *
 * @throws DeliveryError
 */
export async function deliver(delivery: DeliveryRequest, parts: DeliveryParts): Promise<void> {
  const timeout = AbortSignal.timeout(parts.timeoutMs ?? DELIVERY_TIMEOUT_MS);
  const signal = AbortSignal.any([timeout, parts.signal]);
  let response: IncomingMessage;
  try {
    response = await post(delivery, parts, signal);
  } catch (error) {
    const reason = timeout.aborted ? 'no answer in time' : (error as Error).message;
    throw new DeliveryError(reason, null, 0, { cause: error });
  }
  await discard(response);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return;
  const retryAfterMs = parseRetryAfter(response.headers['retry-after']);
  throw new DeliveryError(`the receiver answered ${status}`, status, retryAfterMs);
}

function post(
  { url: text, eventId, event }: DeliveryRequest,
  { guard, secret }: DeliveryParts,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { url, request, ...connection } = guard.transport(text);
  const body = JSON.stringify(event);
  const now = new Date();
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': `Amanuensis/${VERSION}`,
    'webhook-id': eventId,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(eventId, now, body),
  };
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(url, { method: 'POST', headers, signal, ...connection });
    sent.once('response', resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The status is known, so whatever happens to the body is no failure. */
async function discard(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // It hung until the timeout or broke off.
  } finally {
    response.destroy();
  }
}

/** Seconds or an HTTP date → milliseconds from now, 0 where it says nothing sensible. */
function parseRetryAfter(value: string | undefined): number {
  if (value === undefined) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : 0;
}
