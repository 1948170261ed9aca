/**
 * The files that bind creates for Unix sockets. The C library creates, inspects and removes them: Node's permission
 * model applies to none of its calls, and might forbid node:fs to remove what bind has created.
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
import { HIGH_WORD, lazySlab } from '../../ffi/memory.js';
import type { BoundPath } from '../driver.js';
import { linuxErrors } from './errors.js';

const IS_GONE: ReadonlySet<number> = new Set([ENOENT, ENOTDIR]);

/** A path, and a `struct statx` after it. */
const scratch = lazySlab(PATH_MAX + statx.size);

/** Writes a path with its final NUL; returns its address. The next call reuses the memory. */
function pathAt(path: string, syscall: string): number {
  const bytes = Buffer.from(path);
  if (bytes.byteLength >= PATH_MAX) {
    throw linuxErrors.create(ENAMETOOLONG, syscall, { family: 'unix', path });
  }
  const { u8, address } = scratch();
  u8.fill(0, 0, PATH_MAX);
  u8.set(bytes);
  return address;
}

/** The device and inode of the file at a path; undefined if there is no file. @throws OperationError */
function identityOf(path: string): string | undefined {
  const address = pathAt(path, 'statx');
  const { u32 } = scratch();
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
    // The seccomp filters of older containers always refuse statx.
    return nodeIdentityOf(path);
  }
  throw linuxErrors.create(errno, 'statx', { family: 'unix', path });
}

function nodeIdentityOf(path: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

/**
 * The file that a bind has just created, by its absolute path, so that a change of the working directory does not
 * matter. The path is not normalized: "link/.." is not the same directory to the system as to a text. Between bind and
 * this call another process could replace the file.
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
 * Removes the file that a bind has created. Does nothing if that file is gone or another file has its path. Call it
 * before the socket is closed: until then the kernel keeps the inode, so no other file can have its number. Another
 * process could still replace the file between the check and the removal; Linux has no call that does both.
 * @throws OperationError if the file is still there and cannot be removed
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
