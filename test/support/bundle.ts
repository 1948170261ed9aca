/**
 * The package as its users' programs load it, for tests that start many threads: one that loads the bundle takes half of the
 * processor time of one that loads the single files.
 */

import type * as index from 'overlapped';

export const { listen } = (await import(new URL('../../lib/index.js', import.meta.url).href)) as typeof index;
