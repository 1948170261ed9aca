/** Requests of HTTP/1.1 on connections that are kept, and the check of each answer: status, length and body. */

import type { Exchange } from './exchange.js';

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n');
const HEAD_END = '\r\n\r\n';
const ANSWER_BYTES_MAX = 64 * 1024;

/** Bytes of an answer that was checked. The next one has the same, but for its date. */
interface Known {
  readonly bytes: Buffer;
  readonly dateStart: number;
  readonly dateEnd: number;
}

/** Checks answers that have one body. Almost all are equal to the last one, and compared in two pieces. */
export class AnswerCheck {
  readonly #body: Buffer;
  #known: Known | undefined;

  constructor(body: string) {
    this.#body = Buffer.from(body);
  }

  /** @returns whether the bytes are a whole answer @throws Error if they are neither that nor the beginning of one */
  isWhole(bytes: Buffer): boolean {
    return this.#isKnown(bytes) || this.#isRight(bytes);
  }

  #isKnown(bytes: Buffer): boolean {
    const known = this.#known;
    if (known === undefined || bytes.length !== known.bytes.length) {
      return false;
    }
    const { dateStart, dateEnd, bytes: wanted } = known;
    return (
      bytes.compare(wanted, 0, dateStart, 0, dateStart) === 0 &&
      bytes.compare(wanted, dateEnd, wanted.length, dateEnd, wanted.length) === 0
    );
  }

  #isRight(bytes: Buffer): boolean {
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd < 0 && bytes.length < ANSWER_BYTES_MAX) {
      return false;
    }
    const head = bytes.toString('latin1', 0, headEnd + HEAD_END.length);
    const [, length] = /\r\ncontent-length: *(\d+)\r\n/i.exec(head) ?? [];
    if (!head.startsWith('HTTP/1.1 200 ') || length === undefined || /\r\nconnection: *close\r\n/i.test(head)) {
      throw new Error(`Wrong answer: found ${JSON.stringify(head)}, wanted status 200, a length and a kept connection`);
    }
    const body = bytes.subarray(head.length);
    if (Number(length) !== this.#body.length || body.length > this.#body.length) {
      throw new Error(`Wrong length: found ${length} and ${body.length} bytes, wanted ${this.#body.length}`);
    }
    if (body.length < this.#body.length) {
      return false;
    }
    if (!body.equals(this.#body)) {
      throw new Error(
        `Wrong body: found ${JSON.stringify(body.toString())}, wanted ${JSON.stringify(`${this.#body}`)}`,
      );
    }
    const date = /\r\ndate: [^\r]*\r\n/i.exec(head);
    const dateStart = date?.index ?? 0;
    this.#known = { bytes: Buffer.from(bytes), dateStart, dateEnd: dateStart + (date?.[0].length ?? 0) };
    return true;
  }
}

export class HttpExchange implements Exchange {
  readonly #check: AnswerCheck;
  /** The beginning of an answer. */
  #part: Buffer | undefined;

  constructor(check: AnswerCheck) {
    this.#check = check;
  }

  request(): Buffer {
    return REQUEST;
  }

  take(data: Buffer): boolean {
    const bytes = this.#part === undefined ? data : Buffer.concat([this.#part, data]);
    const whole = this.#check.isWhole(bytes);
    this.#part = whole ? undefined : Buffer.from(bytes);
    return whole;
  }
}
