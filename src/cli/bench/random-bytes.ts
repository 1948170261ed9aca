/** The generator of Park and Miller: every system makes the same pseudo-random numbers and bytes. */

const MULTIPLIER = 48271;
const MODULUS = 2 ** 31 - 1;

/** The number after another, both from 1 to 2^31 - 2. */
export const nextRandom = (state: number): number => (state * MULTIPLIER) % MODULUS;

export function fillRandom(bytes: Uint8Array): void {
  let state = 1;
  for (let index = 0; index < bytes.length; index++) {
    state = nextRandom(state);
    bytes[index] = state >> 16;
  }
}
