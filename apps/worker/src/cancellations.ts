/** Hears which jobs their owners want canceled, wherever that was said. */

import { CANCEL_CHANNEL, CodedError, cancelKey } from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import { Redis } from 'ioredis';

export class Cancellations {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #running = new Map<string, AbortController>();

  constructor(redisUrl: string, log: Logger) {
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
    this.#subscriber = new Redis(redisUrl, { maxRetriesPerRequest: null });
    for (const connection of [this.#redis, this.#subscriber]) {
      connection.on('error', (err) => log.debug({ err }, 'connection of cancellations'));
    }
    this.#subscriber.on('message', (_channel, jobId) => this.#cancel(jobId));
    // What was said while the connection was away is found in the flags.
    this.#subscriber.on('ready', () => void this.#lookAgain(log));
    this.#subscriber.subscribe(CANCEL_CHANNEL).catch((err: unknown) => {
      log.warn({ err }, 'cancellations are not heard');
    });
  }

  /**
   * Fires when the job is to be canceled, also when that was said before.
   *
   * @throws Error when Redis does not answer.
   */
  async watch(jobId: string): Promise<AbortSignal> {
    const controller = new AbortController();
    this.#running.set(jobId, controller);
    if ((await this.#redis.exists(cancelKey(jobId))) === 1) this.#cancel(jobId);
    return controller.signal;
  }

  unwatch(jobId: string): void {
    this.#running.delete(jobId);
  }

  close(): void {
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  #cancel(jobId: string): void {
    this.#running.get(jobId)?.abort(new CodedError('canceled', 'The job was canceled.'));
  }

  async #lookAgain(log: Logger): Promise<void> {
    for (const jobId of this.#running.keys()) {
      try {
        if ((await this.#redis.exists(cancelKey(jobId))) === 1) this.#cancel(jobId);
      } catch (err) {
        log.debug({ err, jobId }, 'whether the job was canceled is not known');
      }
    }
  }
}
