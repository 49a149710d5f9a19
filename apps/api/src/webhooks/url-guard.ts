/**
 * Keeps webhooks from reaching into the operator's network (server-side request forgery).
 *
 * A URL is checked when it is stored, which gives its sender a clear refusal, and again when it is
 * sent, on the very address of the connection, because a name may resolve differently by then.
 */

import { lookup as dnsLookup } from 'node:dns/promises';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { CodedError } from '@amanuensis/contract';
import ipaddr from 'ipaddr.js';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';

const MAX_URL_LENGTH = 2048;
const LOOKUP_DEADLINE_MS = 5_000;
/** IPv4-compatible addresses: deprecated; unicast to the library, but `::127.0.0.1` is a trap. */
const IPV4_COMPATIBLE = ipaddr.IPv6.parseCIDR('::/96');

/** Resolves a host name to every address it has. */
export type ResolveAll = (hostname: string) => Promise<readonly { address: string }[]>;

export interface UrlGuardOptions {
  /** `host:port` that may have private addresses. */
  readonly allowedHosts: readonly string[];
  /** Replace how names are resolved, when a URL is stored and when it is sent. */
  readonly resolveAll?: ResolveAll;
  readonly lookup?: LookupFunction;
}

export class UrlGuard {
  readonly #allowed: ReadonlySet<string>;
  readonly #resolveAll: ResolveAll;
  readonly #lookup: LookupFunction | undefined;

  constructor({ allowedHosts, resolveAll, lookup }: UrlGuardOptions) {
    this.#allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
    this.#resolveAll = resolveAll ?? ((hostname) => dnsLookup(hostname, { all: true }));
    this.#lookup = lookup;
  }

  /** @throws CodedError `invalid_webhook_url` that says what is wrong with it. */
  async check(text: string): Promise<void> {
    const url = parseUrl(text);
    if (this.#isAllowed(url)) return;
    const addresses = await this.#addressesOf(url.hostname);
    if (!addresses.every(isPublic)) throw refused(`${url.hostname} is not a public address`);
  }

  /** What `node:http(s)` needs to send to `url` and to nothing that {@link check} would refuse. */
  transport(text: string) {
    const url = parseUrl(text);
    const secure = url.protocol === 'https:';
    const lookup = this.#lookup === undefined ? {} : { lookup: this.#lookup };
    const agent = this.#isAllowed(url)
      ? new (secure ? HttpsAgent : HttpAgent)()
      : new (secure ? RequestFilteringHttpsAgent : RequestFilteringHttpAgent)();
    return { url, request: secure ? httpsRequest : httpRequest, agent, ...lookup };
  }

  #isAllowed({ protocol, hostname, port }: URL): boolean {
    return this.#allowed.has(`${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`);
  }

  async #addressesOf(hostname: string): Promise<string[]> {
    const literal = hostname.replace(/^\[|\]$/g, '');
    if (ipaddr.isValid(literal)) return [literal];
    const deadline = AbortSignal.timeout(LOOKUP_DEADLINE_MS);
    const late = new Promise<never>((_, reject) => {
      deadline.addEventListener('abort', () => reject(deadline.reason), { once: true });
    });
    try {
      const found = await Promise.race([this.#resolveAll(hostname), late]);
      if (found.length > 0) return found.map(({ address }) => address);
    } catch (error) {
      throw refused(`${hostname} cannot be resolved`, { cause: error });
    }
    throw refused(`${hostname} has no address`);
  }
}

function parseUrl(text: string): URL {
  if (text.length > MAX_URL_LENGTH) throw refused(`it is longer than ${MAX_URL_LENGTH} characters`);
  // The parser turns decimal, octal and hexadecimal forms of IPv4 into the dotted one.
  if (!URL.canParse(text)) throw refused('it is not an absolute URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused('only http and https are sent to');
  }
  if (url.username !== '' || url.password !== '') throw refused('it must not carry credentials');
  return url;
}

function isPublic(address: string): boolean {
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return !(parsed instanceof ipaddr.IPv6 && parsed.match(IPV4_COMPATIBLE));
}

function refused(reason: string, options?: ErrorOptions): CodedError {
  return new CodedError('invalid_webhook_url', `webhook_url: ${reason}.`, options);
}
