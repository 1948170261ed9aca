/** The memory that a server on Node has in use, which it reports to the suite on request. */

import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A reader of the bytes that malloc has given out (mallinfo2(3), glibc 2.33). */
async function mallocReader(): Promise<() => number> {
  const { default: koffi } = await import('koffi');
  const fields = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ');
  koffi.struct('mallinfo2', Object.fromEntries(fields.map((field) => [field, 'size_t'])));
  const mallinfo2 = koffi.load(null).func('mallinfo2 mallinfo2()');
  return () => {
    const { uordblks, hblkhd } = mallinfo2();
    return Number(uordblks) + Number(hblkhd);
  };
}

/** A function that collects all garbage and returns the bytes that are left: V8's heap and the C library's, with buffers. */
export async function inUseReader(): Promise<() => number> {
  const allocated = await mallocReader();
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  return () => {
    gc();
    return process.memoryUsage().heapUsed + allocated();
  };
}

/**
 * If the suite has named a file for it, writes the bytes in use to the file on each SIGUSR2, after a collection. The file
 * appears with all of its content.
 */
export async function collectWhenAsked(): Promise<void> {
  const file = process.env.IN_USE_FILE;
  if (file === undefined) {
    return;
  }
  const inUse = await inUseReader();
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.part`, String(inUse()));
    renameSync(`${file}.part`, file);
  });
}
