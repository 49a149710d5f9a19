/** The model hub: where it is, who asks, and what its failures mean. */

import { HubApiError } from '@huggingface/hub';
import { PullError } from './pull-error.ts';

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** Of a request that moves no weights. */
const REQUEST_TIMEOUT_MS = 30_000;
const TOO_MANY_REQUESTS = 429;
/** Printable, without spaces. */
const SENDABLE = /^[!-~]+$/;

export interface HubOptions {
  /** Address without a slash at its end; a mirror's may have a path. */
  readonly endpoint: string;
  readonly token: string | null;
}

/** As the hub's own programs read it: `HF_ENDPOINT`, `HF_TOKEN`; an empty one counts as not set. */
export function hubOfEnvironment(env: NodeJS.ProcessEnv): HubOptions {
  return {
    endpoint: (env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, ''),
    token: env.HF_TOKEN?.trim() || null,
  };
}

export class Hub {
  readonly endpoint: string;
  readonly #origin: string;
  readonly #token: string | null;

  /**
   * @throws PullError `unexpected_answer` where the endpoint is no web address; `unauthorized` where
   *   the token cannot be sent: what refuses it later would print it.
   */
  constructor({ endpoint, token }: HubOptions) {
    if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
      throw new PullError('unexpected_answer', `HF_ENDPOINT is no web address: ${endpoint}`);
    }
    if (token !== null && !SENDABLE.test(token)) {
      throw new PullError('unauthorized', 'HF_TOKEN holds characters that no token has.');
    }
    this.endpoint = endpoint;
    this.#origin = new URL(endpoint).origin;
    this.#token = token;
  }

  /**
   * `fetch` with the token, which only the hub itself gets: it redirects to other hosts, and mirrors
   * may name yet others.
   */
  fetchWith(signal: AbortSignal): typeof fetch {
    return (input, init) => {
      const headers = new Headers(init?.headers);
      const url = input instanceof Request ? input.url : input;
      if (this.#token !== null && new URL(url).origin === this.#origin) {
        headers.set('Authorization', `Bearer ${this.#token}`);
      }
      return fetch(input, { ...init, headers, signal });
    };
  }

  /**
   * Calls the hub's library with what it needs to reach this hub.
   *
   * @throws PullError that says what `what` failed of; the signal's reason when it fires.
   */
  async call<T>(
    what: string,
    signal: AbortSignal,
    request: (reach: { hubUrl: string; fetch: typeof fetch }) => Promise<T>,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    try {
      const reach = this.fetchWith(AbortSignal.any([signal, timeout]));
      return await request({ hubUrl: this.endpoint, fetch: reach });
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) throw this.unavailable(`no answer in ${REQUEST_TIMEOUT_MS / 1000} s`);
      throw this.#toPullError(what, error);
    }
  }

  unavailable(reason: string, cause?: unknown): PullError {
    const message = `${this.endpoint} cannot be reached: ${reason}`;
    return new PullError('unavailable', message, { cause });
  }

  #toPullError(what: string, error: unknown): PullError {
    if (error instanceof PullError) return error;
    if (error instanceof HubApiError) return this.#ofStatus(what, error);
    if (isOfNetwork(error)) return this.unavailable(reasonOf(error), error);
    const reason = (error as Error).message;
    return new PullError(
      'unexpected_answer',
      `${this.endpoint} does not answer as a hub does (${reason}): is HF_ENDPOINT right?`,
      { cause: error },
    );
  }

  #ofStatus(what: string, error: HubApiError): PullError {
    const { statusCode: status } = error;
    const said = saidIn(error);
    const fail = (code: PullError['code'], message: string) =>
      new PullError(code, `${message}${said}`, { cause: error });
    if (status === 401) {
      return this.#token === null
        ? fail(
            'unauthorized',
            `${what} needs a token, or there is no such repository: check the name, and set HF_TOKEN ` +
              'to a token that may read it.',
          )
        : fail('unauthorized', `${this.endpoint} refuses the token in HF_TOKEN for ${what}.`);
    }
    if (status === 403) {
      return fail(
        'forbidden',
        `The owner of HF_TOKEN may not read ${what}: where it is gated, accept its conditions on ` +
          `its page below ${this.endpoint} first.`,
      );
    }
    if (status === 404) return fail('not_found', `${this.endpoint} has no ${what}.`);
    if (status === TOO_MANY_REQUESTS || status >= 500) {
      return fail('unavailable', `${this.endpoint} is overloaded or out of order (${status}).`);
    }
    return fail('unexpected_answer', `${this.endpoint} answered ${status} for ${what}.`);
  }
}

/** What the hub says itself, in a line of its own. */
function saidIn({ data }: HubApiError): string {
  const { error } = data ?? {};
  return typeof error === 'string' && error !== '' ? `\nThe hub says: ${error}` : '';
}

/** Of those that `fetch` and its bodies end with, and not of what is made of an answer. */
function isOfNetwork(error: unknown): boolean {
  return error instanceof TypeError && error.cause instanceof Error;
}

/** What failed is the cause of fetch's own error. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}
