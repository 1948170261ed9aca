/** A file that a program writes its output to, read while it grows. */

import { closeSync, openSync, readSync } from 'node:fs';

const READ_BYTES_MAX = 65_536;

export class FollowedFile {
  /** For the program to write to. */
  descriptor;
  #sink;
  #chunks = [];
  #position = 0;

  /** What is read goes to `sink`, or is kept where there is none. */
  constructor(path, sink) {
    this.descriptor = openSync(path, 'w+');
    this.#sink = sink;
  }

  /** Reads what has been written since the last time. */
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

  /** What was kept. */
  get text() {
    return Buffer.concat(this.#chunks).toString();
  }

  close() {
    closeSync(this.descriptor);
  }
}
