/**
 * Reads a pipe straight into memory that the caller chooses, shared memory included.
 *
 * A socket tells when there is something to read, but would want a new view of memory for each
 * read, and asks for it when nobody has said yet where the next bytes shall go. So it is given one
 * byte, always the same, which is moved by hand; those behind it are read in place, without waiting
 * (the pipe holds 64 KiB at most, which takes some 20 µs), until there are no more:
 *
 * ```
 *          read(a)                             read(b)
 * bytes    ▪ ▪▪▪▪▪▪▪▪▪▪▪▪ ▪ ▪▪▪▪▪▪▪            ▪ ▪▪▪▪▪▪▪▪▪▪
 * read by  s r            s r          paused  s r           s: socket, r: readSync
 * ```
 */

import { readSync } from 'node:fs';
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';

interface PendingRead {
  readonly out: Uint8Array;
  readonly begin: number;
  readonly end: number;
  readonly onBytes: () => void;
  readonly resolve: (nBytes: number) => void;
  readonly reject: (reason: unknown) => void;
}

type End = 'end of pipe' | { readonly reason: unknown };

export class PipeReader {
  readonly #fd: number;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  readonly #single = new Uint8Array(1);
  #hasSingle = false;
  #pending: PendingRead | null = null;
  /** Where in the pending read's `out` the next byte goes. */
  #at = 0;
  #end: End | null = null;

  /** @param fd reading end of a pipe that does not block, closed by this reader. */
  constructor(fd: number) {
    this.#fd = fd;
    const options: SocketConstructorOpts & ConnectOpts = {
      fd,
      readable: true,
      writable: false,
      onread: { buffer: this.#single, callback: () => this.#take() },
    };
    this.#socket = new Socket(options);
    this.#socket.on('end', () => this.#finish('end of pipe'));
    this.#socket.on('error', (reason) => this.#finish({ reason }));
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
    });
  }

  /**
   * Fills `out` from `begin` to `end`, or less where the pipe ends; nothing is read while nobody
   * asks.
   *
   * @param onBytes called whenever some have come.
   * @returns bytes written, 0 after the end.
   * @throws what {@link close} was given; what the system says is wrong with the pipe.
   */
  read(
    out: Uint8Array,
    begin = 0,
    end = out.length,
    onBytes: () => void = () => undefined,
  ): Promise<number> {
    if (this.#pending !== null) throw new Error('one read at a time');
    return new Promise((resolve, reject) => {
      this.#pending = { out, begin, end, onBytes, resolve, reject };
      this.#at = begin;
      if (this.#hasSingle && begin < end) this.#placeSingle(out);
      if (this.#at >= end) this.#settle();
      else if (this.#end !== null) this.#finish(this.#end);
      else this.#socket.resume();
    });
  }

  /** Stops at once: when this returns nothing is written any more. A read under way rejects. */
  close(reason: unknown): Promise<void> {
    this.#socket.destroy();
    this.#finish({ reason });
    return this.#closed;
  }

  /** The socket has read one byte. Answers whether it shall go on. */
  #take(): boolean {
    this.#hasSingle = true;
    if (this.#pending === null) return false;
    const { out, end, onBytes } = this.#pending;
    this.#placeSingle(out);
    this.#readInPlace(out, end);
    onBytes();
    if (this.#at < end) return true;
    this.#settle();
    return false;
  }

  /** Reads what is there. An end or a failure is found once more by the socket, which tells. */
  #readInPlace(out: Uint8Array, end: number): void {
    try {
      while (this.#at < end) {
        const nBytes = readSync(this.#fd, out, this.#at, end - this.#at, null);
        if (nBytes === 0) return;
        this.#at += nBytes;
      }
    } catch {
      // Mostly EAGAIN: no more for now.
    }
  }

  #placeSingle(out: Uint8Array): void {
    out[this.#at] = this.#single[0] ?? 0;
    this.#at += 1;
    this.#hasSingle = false;
  }

  #finish(end: End): void {
    this.#end ??= end;
    if (this.#end === 'end of pipe') this.#settle();
    else {
      this.#pending?.reject(this.#end.reason);
      this.#pending = null;
    }
  }

  #settle(): void {
    if (this.#pending === null) return;
    const { resolve, begin } = this.#pending;
    this.#pending = null;
    resolve(this.#at - begin);
  }
}
