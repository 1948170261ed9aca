/** The generator of Park and Miller: the same numbers in each run. */

const MULTIPLIER = 48271;
const MODULUS = 2 ** 31 - 1;

/** The number behind another, both from 1 to 2^31 - 2. */
export const following = (state: number): number => (state * MULTIPLIER) % MODULUS;
