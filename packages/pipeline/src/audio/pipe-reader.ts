/**
 * Reads a pipe straight into memory that the caller chooses, shared memory included.
 *
 * A socket with `onread` reads into a buffer of ours, but asks for the next buffer as soon as one
 * is full, when nobody has said yet where the next bytes shall go. So between two reads it is given
 * a buffer of a single byte, which is moved by hand when it comes; all others arrive in place:
 *
 * ```
 *          read(a)                    read(b)
 * bytes    ▪ ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪        ▪ ▪▪▪▪▪▪▪▪▪▪
 * buffer   1 a[1..] a[k..]    paused  1 b[1..]
 * ```
 */

import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';

interface PendingRead {
  readonly out: Uint8Array;
  readonly onBytes: () => void;
  readonly resolve: (nBytes: number) => void;
  readonly reject: (reason: unknown) => void;
}

type End = 'end of pipe' | { readonly reason: unknown };

export class PipeReader {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  readonly #single = new Uint8Array(1);
  #hasSingle = false;
  #pending: PendingRead | null = null;
  #filledBytes = 0;
  #end: End | null = null;

  /** @param fd reading end of a pipe, closed by this reader. */
  constructor(fd: number) {
    const options: SocketConstructorOpts & ConnectOpts = {
      fd,
      readable: true,
      writable: false,
      onread: { buffer: () => this.#nextBuffer(), callback: (n, buffer) => this.#take(n, buffer) },
    };
    this.#socket = new Socket(options);
    this.#socket.on('end', () => this.#finish('end of pipe'));
    this.#socket.on('error', (reason) => this.#finish({ reason }));
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
    });
  }

  /**
   * Fills `out`, or less where the pipe ends; nothing is read while nobody asks.
   *
   * @param onBytes called whenever some have come.
   * @returns bytes written, 0 after the end.
   * @throws what {@link close} was given.
   */
  read(out: Uint8Array, onBytes: () => void = () => undefined): Promise<number> {
    if (this.#pending !== null) throw new Error('one read at a time');
    return new Promise((resolve, reject) => {
      this.#pending = { out, onBytes, resolve, reject };
      this.#filledBytes = 0;
      if (this.#hasSingle) this.#placeSingle(out);
      if (this.#filledBytes === out.length) this.#settle();
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

  #nextBuffer(): Uint8Array {
    return this.#pending === null || this.#filledBytes === 0
      ? this.#single
      : this.#pending.out.subarray(this.#filledBytes);
  }

  /** Answers whether to read on. */
  #take(nBytes: number, buffer: Uint8Array): boolean {
    if (buffer !== this.#single) this.#filledBytes += nBytes;
    else if (this.#pending !== null) this.#placeSingle(this.#pending.out);
    else this.#hasSingle = true;
    if (this.#pending === null) return false;
    this.#pending.onBytes();
    if (this.#filledBytes < this.#pending.out.length) return true;
    this.#settle();
    return false;
  }

  #placeSingle(out: Uint8Array): void {
    out.set(this.#single, this.#filledBytes);
    this.#filledBytes += 1;
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
    this.#pending?.resolve(this.#filledBytes);
    this.#pending = null;
  }
}
