/** Linux, as tests know it. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { LinuxSockets } from '../../src/drivers/linux/sockets.js';
import { IPPROTO_TCP, MSG_NOSIGNAL, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL } from '../../src/ffi/linux/constants.js';
import { libc } from '../../src/ffi/linux/libc.js';
import { Slab } from '../../src/ffi/memory.js';
import type { TestSystem } from './system.js';

const MSG_OOB = 1;
/** Above 1 on an emulated machine, which is slower. */
const PATIENCE = Number(process.env.OVERLAPPED_TEST_PATIENCE ?? 1);

export const linux: TestSystem = {
  patience: PATIENCE,

  drivers: ['io_uring', 'epoll', 'select'],

  capabilities: {
    unixSockets: true,
    reusePort: true,
    userTimeout: true,
    keepAliveDelayRead: true,
    receiveLowWater: true,
    descriptorLimit: true,
    descriptorNumbers: true,
    signals: true,
    shell: true,
    resetRemembered: true,
    resetRememberedBehindEnd: true,
    resetBeforeReceive: true,
    threads: true,
    urgentData: true,
    blocking: true,
    systemOptions: true,
    systemBacklog: true,
    replacedPaths: true,
    peerNameAfterReset: PATIENCE === 1 || "qemu's user mode has no SO_PEERNAME",
    sendProgress: true,
    immediateSends: true,
    sendsAfterEnd: true,
    arrivalsFirst: true,
  },

  foreignDriver: ['iocp', /Windows/],

  // The system doubles the requested size (socket(7)).
  bufferFactor: 2,

  keepAliveOf({ home, handle }) {
    const calls = home.calls as LinuxSockets;
    const read = (name: number): number => calls.getInt(handle, IPPROTO_TCP, name);
    return { delayS: read(TCP_KEEPIDLE), intervalS: read(TCP_KEEPINTVL), probes: read(TCP_KEEPCNT) };
  },

  descriptorsOpen: () => readdirSync('/proc/self/fd').length,

  sendByHand(socket, data, how) {
    const memory = new Slab(data.length);
    memory.u8.set(Buffer.from(data));
    const flags = how === 'urgent' ? MSG_OOB | MSG_NOSIGNAL : MSG_NOSIGNAL;
    assert.equal(libc().send(socket.handle, memory.address, data.length, flags), data.length);
  },
};

/** Contexts of asynchronous I/O that this process has: each has a ring in its memory (proc(5), maps). */
export function contextsOpen(): number {
  return readFileSync('/proc/self/maps', 'utf8').split('[aio]').length - 1;
}
