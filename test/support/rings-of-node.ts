/** Whether Node's own event loop has an io_uring: libuv's does since Node 22, for the calls of epoll_ctl. */

import { readdirSync, readlinkSync } from 'node:fs';

function isRing(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`) === 'anon_inode:[io_uring]';
  } catch {
    // It was closed since it was listed.
    return false;
  }
}

/** Asked when a test file is loaded, before a port is opened: libuv has made its ring by then. */
export const nodeHasRings = process.platform === 'linux' && readdirSync('/proc/self/fd').some(isRing);
