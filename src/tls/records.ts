/**
 * Where TLS records end in received bytes (RFC 8446, section 5.1): a type, two bytes of version, two of length. Each call of
 * SSL_read gets exactly one record, so none is made only to learn that more must come, and none handles more than one.
 */

export const RECORD_HEADER_BYTES = 5;
/** The offset of the length, whose first byte is the high one. */
export const RECORD_LENGTH_OFFSET = 3;

/** The most bytes of data in a record. */
export const RECORD_PLAIN_BYTES_MAX = 16_384;

export const RECORD_HANDSHAKE = 22;

/** The record in which the bytes received so far end. */
export class Records {
  /** The type of the record that `end` has found. */
  type = 0;
  /** The bytes of its body. */
  size = 0;
  /** Bytes of its header that were received, if it is not whole. */
  #head = 0;
  /** Bytes of its body that are missing. */
  #missing = 0;

  /** Whether a record has begun and is not complete. */
  get begun(): boolean {
    return this.#head > 0 || this.#missing > 0;
  }

  /**
   * Finds the end of the next record.
   * @param at where it begins, or goes on
   * @param length of all bytes
   * @returns the index after its last byte; -1 if it is not complete, and then its beginning is remembered
   */
  end(bytes: Uint8Array, at: number, length: number): number {
    let start = at;
    let missing = this.#missing;
    if (missing === 0) {
      start = this.#readHeader(bytes, at, length);
      if (start < 0) {
        return -1;
      }
      missing = this.size;
    }
    if (start + missing > length) {
      this.#missing = start + missing - length;
      return -1;
    }
    this.#missing = 0;
    return start + missing;
  }

  /** @returns the index after the header; -1 if it is not complete */
  #readHeader(bytes: Uint8Array, at: number, length: number): number {
    let index = at;
    let head = this.#head;
    for (; head < RECORD_HEADER_BYTES && index < length; head++) {
      const byte = bytes[index++] as number;
      if (head === 0) {
        this.type = byte;
      } else if (head === RECORD_LENGTH_OFFSET) {
        this.size = byte << 8;
      } else if (head === RECORD_LENGTH_OFFSET + 1) {
        this.size |= byte;
      }
    }
    this.#head = head % RECORD_HEADER_BYTES;
    return head < RECORD_HEADER_BYTES ? -1 : index;
  }
}
