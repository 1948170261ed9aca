/** Shares of the test files, for runners that work side by side. */

import { nameOf } from './suite.js';

/** Seconds that the longest files take in Wine, each beside the other: a wrong number costs time and nothing else. */
const SECONDS = {
  'cli/bad-input': 25,
  'package/docs': 20,
  'engine/iocp': 20,
  'engine/select': 20,
  'drivers/iocp/iocp': 100,
  'drivers/select/select': 80,
  'threads/windows': 18,
  'cli/wine': 75,
};
const SECONDS_OF_OTHERS = 7;

/** As many shares as asked for, or as there are files, each for about the same time, in the order of their names. */
export function sharesOf(files, count) {
  const shares = Array.from({ length: Math.min(count, files.length) }, () => ({ files: [], seconds: 0 }));
  // The longest first, each to whom has the least: what comes last is short, and so is the difference.
  for (const file of [...files].sort((a, b) => secondsOf(b) - secondsOf(a))) {
    const share = shares.reduce((least, other) => (other.seconds < least.seconds ? other : least));
    share.files.push(file);
    share.seconds += secondsOf(file);
  }
  return shares.map((share) => share.files.sort());
}

function secondsOf(file) {
  return SECONDS[nameOf(file)] ?? SECONDS_OF_OTHERS;
}
