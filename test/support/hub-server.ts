/**
 * A model hub on loopback: the API, the addresses of files, and a second server in the part of the
 * content delivery network, which large files are redirected to.
 *
 * It answers as https://huggingface.co does: commits by revision, listings in pages, SHA-256 of
 * large files and git's SHA-1 of others, relative redirects for small files, signed links that hold
 * for one request for large ones, and for those a description when the client speaks Xet.
 */

import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { commitOf, gitBlob, type HubModel, isLarge, listingOf, sha256 } from './hub-model.ts';

const FILES_PER_PAGE = 4;
const XET = 'application/vnd.xet-fileinfo+json';

/** What goes wrong with one answer that carries a file. */
export type Fault =
  | { readonly kind: 'cut' | 'stall'; readonly afterBytes: number }
  | { readonly kind: 'flip'; readonly at: number }
  | { readonly kind: 'whole' }
  | { readonly kind: 'status'; readonly status: number };

export interface HubRequest {
  readonly server: 'hub' | 'network';
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** An answer that carries a file. */
export interface Transfer {
  readonly name: string;
  readonly commit: string;
  /** First byte that was asked for. */
  readonly start: number;
  /** Bytes that were sent. */
  sentBytes: number;
}

export interface HubServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly requests: readonly HubRequest[];
  /** Of files, without those of a single byte that only ask for the size. */
  readonly transfers: readonly Transfer[];
  /**
   * Repositories by name: what is put here is what their branch `main` holds from then on, beside
   * the commits that were seen before.
   */
  readonly models: Map<string, HubModel>;
  /** Asked before each transfer; there is no fault where it answers null. */
  fault: (transfer: Transfer) => Fault | null;
  /** Asked before each request to the hub; a status is answered instead where it is not null. */
  status: (path: string) => number | null;
}

export async function startHubServer(
  models: Readonly<Record<string, HubModel>>,
): Promise<HubServer> {
  const hub = new LoopbackHub(new Map(Object.entries(models)));
  await hub.start();
  return hub;
}

/** An answer other than what was asked for. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface FileOfCommit {
  readonly name: string;
  readonly commit: string;
  readonly bytes: Buffer;
}

type Route = (request: IncomingMessage, response: ServerResponse) => void;

class LoopbackHub implements HubServer {
  readonly models: Map<string, HubModel>;
  readonly requests: HubRequest[] = [];
  readonly transfers: Transfer[] = [];
  fault: HubServer['fault'] = () => null;
  status: HubServer['status'] = () => null;
  readonly #commits = new Map<string, HubModel>();
  readonly #servers: Server[] = [];
  #endpoint = '';
  #network = '';
  /** What a signed link stands for, until it is used. */
  readonly #links = new Map<string, FileOfCommit>();
  #linkCount = 0;

  constructor(models: Map<string, HubModel>) {
    this.models = models;
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  async start(): Promise<void> {
    this.#endpoint = await this.#listen('hub', (...message) => this.#onHub(...message));
    this.#network = await this.#listen('network', (...message) => this.#onNetwork(...message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  async #listen(name: HubRequest['server'], route: Route): Promise<string> {
    const server = createServer((request, response) => {
      this.requests.push({ server: name, path: request.url ?? '', headers: request.headers });
      try {
        route(request, response);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.code !== undefined) response.setHeader('X-Error-Code', error.code);
        response.statusCode = error.status;
        json(response, { error: error.message });
      }
    });
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #onHub(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', this.#endpoint);
    const status = this.status(pathname);
    if (status !== null) throw new Refusal(status, 'out of order');
    const [, repository, api, revision = ''] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/.exec(pathname) ?? [];
    if (repository === undefined) {
      this.#onFile(pathname, request, response);
      return;
    }
    const model = this.#modelFor(repository, decodeURIComponent(revision), request);
    const sha = commitOf(model);
    if (api === 'tree') {
      this.#list(model, Number(searchParams.get('cursor') ?? 0), pathname, response);
    } else {
      const gated = model.isGated ? 'manual' : false;
      json(response, {
        _id: '1',
        id: repository,
        sha,
        private: false,
        gated,
        downloads: 1,
        likes: 1,
      });
    }
  }

  #modelFor(
    repository: string,
    revision: string,
    { headers: { authorization } }: IncomingMessage,
  ): HubModel {
    const main = this.models.get(repository);
    const isAllowed = main?.token === undefined || authorization === `Bearer ${main.token}`;
    if (main === undefined || !isAllowed) {
      throw authorization === undefined
        ? new Refusal(401, 'Invalid username or password.', 'RepoNotFound')
        : new Refusal(404, 'Repository not found', 'RepoNotFound');
    }
    this.#commits.set(commitOf(main), main);
    const model = revision === 'main' ? main : this.#commits.get(revision);
    if (model !== undefined) return model;
    throw new Refusal(404, `Invalid rev id: ${revision}`, 'RevisionNotFound');
  }

  #list({ files }: HubModel, from: number, path: string, response: ServerResponse): void {
    const next = from + FILES_PER_PAGE;
    if (next < files.size) {
      const address = `${this.#endpoint}${path}?recursive=false&expand=false&cursor=${next}`;
      response.setHeader('Link', `<${address}>; rel="next"`);
    }
    const folder = { type: 'directory', oid: gitBlob(Buffer.of()), size: 0, path: 'runs' };
    const entries = [...files].slice(from, next).map(([name, file]) => listingOf(name, file));
    json(response, [folder, ...entries]);
  }

  #onFile(pathname: string, request: IncomingMessage, response: ServerResponse): void {
    const [, isCached, repository = '', commit = '', name = ''] =
      /^\/(api\/resolve-cache\/models\/)?([^/]+\/[^/]+)\/(?:resolve\/)?([^/]+)\/([^/]+)$/.exec(
        pathname,
      ) ?? [];
    const model = this.#modelFor(repository, commit, request);
    const file = model.files.get(name);
    if (model.isGated)
      throw new Refusal(403, `Access to ${repository} is restricted.`, 'GatedRepo');
    if (file === undefined) throw new Refusal(404, 'Entry not found', 'EntryNotFound');
    response.setHeader('X-Repo-Commit', commit);
    const { bytes } = file;
    if (isLarge(file)) {
      this.#redirectToNetwork({ name, commit, bytes }, request, response);
    } else if (isCached) {
      response.setHeader('ETag', `"${gitBlob(bytes)}"`);
      this.#send({ name, commit, bytes }, request, response);
    } else {
      const place = `/api/resolve-cache/models/${repository}/${commit}/${name}`;
      response.writeHead(307, { Location: `${place}?etag=%22${gitBlob(bytes)}%22` }).end();
    }
  }

  #redirectToNetwork(
    file: FileOfCommit,
    { headers: { accept = '' } }: IncomingMessage,
    response: ServerResponse,
  ): void {
    const hash = sha256(file.bytes);
    response.setHeader('X-Linked-Size', file.bytes.length);
    response.setHeader('X-Linked-ETag', `"${hash}"`);
    // Of large files, those that are not JSON have moved to Xet.
    if (!file.name.endsWith('.json') && accept.includes(XET)) {
      response.writeHead(200, {
        'Content-Type': XET,
        'X-Xet-Hash': hash,
        Link:
          `<${this.#endpoint}/api/xet-read-token>; rel="xet-auth", ` +
          `<${this.#network}/reconstructions>; rel="xet-reconstruction-info"`,
      });
      response.end(JSON.stringify({ hash }));
      return;
    }
    const link = `/${hash}?Signature=${++this.#linkCount}`;
    this.#links.set(link, file);
    response.writeHead(302, { Location: `${this.#network}${link}` }).end();
  }

  #onNetwork(request: IncomingMessage, response: ServerResponse): void {
    const link = request.url ?? '';
    const file = this.#links.get(link);
    if (file === undefined || request.headers.authorization !== undefined) {
      throw new Refusal(403, 'The link has expired, or was signed for somebody else');
    }
    this.#links.delete(link);
    response.setHeader('ETag', `"${gitBlob(file.bytes)}"`);
    this.#send(file, request, response);
  }

  #send(
    { name, commit, bytes }: FileOfCommit,
    { headers: { range } }: IncomingMessage,
    response: ServerResponse,
  ): void {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last ? Number(last) + 1 : bytes.length;
    if (start >= bytes.length) throw new Refusal(416, 'Range Not Satisfiable');
    const transfer: Transfer = { name, commit, start, sentBytes: 0 };
    const isProbe = end === 1 && bytes.length > 1;
    if (!isProbe) this.transfers.push(transfer);
    const fault = isProbe ? null : this.fault(transfer);
    if (fault?.kind === 'status') throw new Refusal(fault.status, 'out of order');
    const isWhole = first === undefined || fault?.kind === 'whole';
    let body = Buffer.from(bytes.subarray(isWhole ? 0 : start, end));
    response.statusCode = isWhole ? 200 : 206;
    response.setHeader('Content-Length', body.length);
    if (!isWhole) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${bytes.length}`);
    if (fault?.kind === 'flip') body.writeUInt8(body.readUInt8(fault.at) ^ 1, fault.at);
    const isBroken = fault?.kind === 'cut' || fault?.kind === 'stall';
    if (isBroken) body = body.subarray(0, fault.afterBytes);
    transfer.sentBytes = body.length;
    response.write(body, () => {
      if (fault?.kind === 'cut') response.destroy();
      else if (!isBroken) response.end();
    });
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(value));
}
