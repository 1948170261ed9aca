/** Closes the sockets and completion ports of a thread of this process that has died, and frees its memory. */

import { Slab } from '../../ffi/memory.js';
import { SO_LINGER, SOL_SOCKET } from '../../ffi/windows/constants.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { linger } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import type { ResourceTracker } from '../common/resources.js';
import { freePages } from './outliving-memory.js';
import { socketsIn } from './socket-table.js';

/**
 * Closes all that a dead thread has left open. The peers of its connections see a reset: an end would look like the
 * complete stream. Its memory is freed only if it had closed everything itself: otherwise operations are in progress, and
 * nobody is left to dequeue their ends.
 */
export function reclaimOnWindows({ descriptors: ports, socketTables, mappings }: ResourceTracker): void {
  const sockets = socketTables.flatMap(socketsIn);
  if (sockets.length === 0 && ports.length === 0) {
    mappings.forEach(freePages);
    return;
  }
  const { closesocket, setsockopt } = ws2_32();
  const option = new Slab(linger.size);
  option.u16[linger.l_onoff >> 1] = 1;
  for (const socket of sockets) {
    setsockopt(socket, SOL_SOCKET, SO_LINGER, option.address, linger.size);
    closesocket(socket);
  }
  ports.forEach((port) => kernel32().CloseHandle(port));
}
