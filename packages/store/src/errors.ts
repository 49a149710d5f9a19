/** What can go wrong with a blob. */

export class InvalidKeyError extends Error {
  override readonly name = 'InvalidKeyError';
  readonly key: string;

  constructor(key: string) {
    super(`${JSON.stringify(key.slice(0, 100))} is not a key of the blob store`);
    this.key = key;
  }
}

export class BlobNotFoundError extends Error {
  override readonly name = 'BlobNotFoundError';
  readonly key: string;

  constructor(key: string, options?: ErrorOptions) {
    super(`There is no blob ${key}`, options);
    this.key = key;
  }
}

export class BlobTooLargeError extends Error {
  override readonly name = 'BlobTooLargeError';
  readonly key: string;
  readonly maxBytes: number;

  constructor(key: string, maxBytes: number) {
    super(`The blob ${key} is larger than ${maxBytes} bytes`);
    this.key = key;
    this.maxBytes = maxBytes;
  }
}
