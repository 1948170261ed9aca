/**
 * The files that Unix sockets make by being bound. They are looked at and removed by the C library, as they were made:
 * Node's permission model knows of neither, and node:fs might not be allowed to remove what bind was allowed to make.
 */

import { Buffer } from 'node:buffer';
import { type BigIntStats, lstatSync } from 'node:fs';
import { process } from '../../base/runtime.js';
import { lastErrno } from '../../ffi/library.js';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  ENAMETOOLONG,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  EPERM,
  PATH_MAX,
  STATX_INO,
  statxCall,
} from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { statx } from '../../ffi/linux/structs.js';
import { HIGH_WORD, Slab } from '../../ffi/memory.js';
import type { BoundPath } from '../driver.js';
import { linuxErrors } from './errors.js';

const IS_GONE: ReadonlySet<number> = new Set([ENOENT, ENOTDIR]);

let scratch: Slab | undefined;

/** Writes a path with the NUL that ends it; returns its address. The next call reuses the memory. */
function pathAt(path: string, syscall: string): number {
  scratch ??= new Slab(PATH_MAX + statx.size);
  const bytes = Buffer.from(path);
  if (bytes.byteLength >= PATH_MAX) {
    throw linuxErrors.create(ENAMETOOLONG, syscall, { family: 'unix', path });
  }
  scratch.u8.fill(0, 0, PATH_MAX);
  scratch.u8.set(bytes);
  return scratch.address;
}

/** The device and inode of the file at a path; undefined when there is no file. @throws OperationError */
function identityOf(path: string): string | undefined {
  const address = pathAt(path, 'statx');
  const { u32 } = scratch as Slab;
  const errno =
    statxCall === undefined
      ? ENOSYS
      : libc().syscall(statxCall, AT_FDCWD, address, AT_SYMLINK_NOFOLLOW, STATX_INO, address + PATH_MAX, 0) < 0
        ? lastErrno()
        : 0;
  if (errno === 0) {
    const at = (offset: number): number => (PATH_MAX + offset) >> 2;
    const inode = at(statx.stx_ino);
    return [at(statx.stx_dev_major), at(statx.stx_dev_minor), inode, inode + HIGH_WORD]
      .map((word) => u32[word])
      .join(':');
  }
  if (IS_GONE.has(errno)) {
    return undefined;
  }
  if (errno === ENOSYS || errno === EPERM) {
    // Filters of older containers refuse statx, always.
    return nodeIdentityOf(path);
  }
  throw linuxErrors.create(errno, 'statx', { family: 'unix', path });
}

function nodeIdentityOf(path: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

/**
 * The file that a bind just made, by a path that a change of the working directory does not alter. Its parts stay as they
 * are: "link/.." is another directory to the system than to a text. Between bind and this look another process could put a
 * file of its own there.
 */
export function boundPath(path: string): BoundPath {
  const absolute = path.startsWith('/') ? path : `${process.cwd()}/${path}`;
  try {
    return { path: absolute, identity: identityOf(absolute), problem: undefined };
  } catch (problem) {
    return { path: absolute, identity: undefined, problem: problem as Error };
  }
}

/**
 * Removes the file that a bind made. Does nothing when that file is gone or another file has its path. Call it before the
 * socket is closed: until then the kernel keeps the inode, so no other file can have its number. Between the look and the removal another
 * process could still put a file of its own there; Linux has no call that does both.
 * @throws OperationError why a file that is still there could not be removed
 */
export function removeBoundPath({ path, identity, problem }: BoundPath): void {
  if (problem !== undefined) {
    throw problem;
  }
  if (identity === undefined || identityOf(path) !== identity) {
    return;
  }
  if (libc().unlink(pathAt(path, 'unlink')) < 0) {
    const errno = lastErrno();
    if (!IS_GONE.has(errno)) {
      throw linuxErrors.create(errno, 'unlink', { family: 'unix', path });
    }
  }
}
