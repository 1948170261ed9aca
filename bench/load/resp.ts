/** The part of Redis' protocol that clients of the suite use: commands are arrays of strings (RESP). */

const CR = '\r'.charCodeAt(0);
const ARRAY = '*'.charCodeAt(0);
const STRING = '$'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
const COMMAND_BYTES_MAX = 64 * 1024;
const WORDS_MAX = 16;

/** Reads the commands of one connection. */
export class CommandReader {
  #bytes: Buffer = Buffer.alloc(0);
  #place = 0;

  /** Adds received bytes, copied. Commands that were there have been read. */
  add(data: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#place), data]);
    this.#place = 0;
  }

  /** The words of the next command; undefined when it is not complete. @throws Error if it is none */
  next(): readonly string[] | undefined {
    const start = this.#place;
    const count = this.#number(ARRAY);
    const words: string[] = [];
    while (count !== undefined && words.length < Math.min(count, WORDS_MAX)) {
      const length = this.#number(STRING);
      const end = this.#place + (length ?? 0);
      if (length === undefined || end + 2 > this.#bytes.length) {
        break;
      }
      words.push(this.#bytes.toString('latin1', this.#place, end));
      this.#place = end + 2;
    }
    if (words.length === count) {
      return words;
    }
    if (this.#bytes.length - start > COMMAND_BYTES_MAX || (count ?? 0) > WORDS_MAX) {
      throw new Error(`Wrong command: found ${this.#bytes.length - start} bytes of ${count} words`);
    }
    this.#place = start;
    return undefined;
  }

  /** The number of a line that begins with a sign; undefined when the line is not complete. */
  #number(sign: number): number | undefined {
    const bytes = this.#bytes;
    let place = this.#place;
    if (place < bytes.length && bytes[place] !== sign) {
      throw new Error(`Wrong command: found byte ${bytes[place]}, wanted ${sign}`);
    }
    let value = 0;
    for (place++; place < bytes.length && bytes[place] !== CR; place++) {
      value = value * 10 + (bytes[place] as number) - ZERO;
    }
    if (place + 1 >= bytes.length) {
      return undefined;
    }
    this.#place = place + 2;
    return value;
  }
}

export const bulkReply = (value: string): string => `$${value.length}\r\n${value}\r\n`;
