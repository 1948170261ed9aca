/** The bytes that clients send: each connection has its own, which name it, so that bytes of another one are noticed. */

/** Bytes of the number of a connection, at the beginning of its bytes. */
export const ID_BYTES = 4;

/** The period of a connection's bytes. Longer than a record. */
const PERIOD_BYTES = 20_011;

const LATEST_MAX = 256;
const latest = new Map<number, Buffer>();

/** The bytes of a connection, which repeat without end. */
export function plainOf(id: number): Buffer {
  let plain = latest.get(id);
  if (plain === undefined) {
    plain = Buffer.alloc(PERIOD_BYTES);
    let state = (id * 2_654_435_761 + 1) >>> 0;
    for (let place = 0; place + ID_BYTES <= PERIOD_BYTES; place += ID_BYTES) {
      // xorshift32.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      plain.writeInt32LE(state | 0, place);
    }
    plain.writeUInt32BE(id);
    if (latest.size >= LATEST_MAX) {
      latest.delete(latest.keys().next().value as number);
    }
    latest.set(id, plain);
  }
  return plain;
}

export const idOf = (plain: Buffer): number => plain.readUInt32BE();

/** Bytes of a connection from a place on. */
export function plainAt(id: number, place: number, byteLength: number): Buffer {
  const plain = plainOf(id);
  const start = place % plain.length;
  return start + byteLength <= plain.length
    ? plain.subarray(start, start + byteLength)
    : Buffer.concat([plain.subarray(start), plainAt(id, 0, byteLength - (plain.length - start))]);
}
