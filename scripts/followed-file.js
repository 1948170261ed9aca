/** The file that a program writes its output to, read while it grows. */

import { closeSync, openSync, readSync } from 'node:fs';

const READ_BYTES_MAX = 65_536;

export class FollowedFile {
  /** For the program to write to. */
  descriptor;
  #sink;
  /** @type {Buffer[]} */
  #chunks = [];
  #position = 0;

  /**
   * Bytes that are read go to `sink`; without a sink they are kept.
   * @param {string} path
   * @param {NodeJS.WritableStream | undefined} sink
   */
  constructor(path, sink) {
    this.descriptor = openSync(path, 'w+');
    this.#sink = sink;
  }

  /** Reads the bytes that were written since the last call. */
  follow() {
    for (;;) {
      const chunk = Buffer.alloc(READ_BYTES_MAX);
      const bytes = readSync(this.descriptor, chunk, 0, chunk.length, this.#position);
      if (bytes === 0) {
        return;
      }
      this.#position += bytes;
      if (this.#sink === undefined) {
        this.#chunks.push(chunk.subarray(0, bytes));
      } else {
        this.#sink.write(chunk.subarray(0, bytes));
      }
    }
  }

  /** The bytes that were kept. */
  get text() {
    return Buffer.concat(this.#chunks).toString();
  }

  close() {
    closeSync(this.descriptor);
  }
}
