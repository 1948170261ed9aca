/** A submission entry, sixteen words of `struct io_uring_sqe`: what is not named here is zero. */

/** The fields of an entry, in the order in which `fillEntry` takes them after its place. */
export type EntryFields = [
  opcode: number,
  socket: number,
  ioprio: number,
  address: number,
  byteLength: number,
  opFlags: number,
  slot: number,
  generation: number,
];

export function fillEntry(
  sqes: Int32Array,
  word: number,
  opcode: number,
  socket: number,
  ioprio: number,
  address: number,
  byteLength: number,
  opFlags: number,
  slot: number,
  generation: number,
): void {
  sqes[word] = opcode | (ioprio << 16);
  sqes[word + 1] = socket;
  sqes[word + 2] = 0;
  sqes[word + 3] = 0;
  sqes[word + 4] = address;
  sqes[word + 5] = address / 0x1_0000_0000;
  sqes[word + 6] = byteLength;
  sqes[word + 7] = opFlags;
  sqes[word + 8] = slot;
  sqes[word + 9] = generation;
  sqes[word + 10] = 0;
  sqes[word + 11] = 0;
  sqes[word + 12] = 0;
  sqes[word + 13] = 0;
  sqes[word + 14] = 0;
  sqes[word + 15] = 0;
}
