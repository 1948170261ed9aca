/** Giving back what a thread of this process had open when it died. */

import { SO_LINGER, SOL_SOCKET } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { linger } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { type ResourceTracker, untrackDescriptor, untrackMapping } from '../common/resources.js';
import { destroyContextOfDead } from './aio.js';
import { markedSockets } from './socket-owner.js';

/** Closes what this thread has opened for something that cannot be built after all. */
export function giveBackOnLinux({ mappings, descriptors }: ResourceTracker): void {
  mappings.forEach(untrackMapping);
  descriptors.forEach(untrackDescriptor);
  closeAll({ mappings, descriptors });
}

function closeAll({ mappings, descriptors }: Pick<ResourceTracker, 'mappings' | 'descriptors'>): void {
  const { close, munmap } = libc();
  for (const { address, byteLength } of mappings) {
    munmap(address, byteLength);
  }
  descriptors.forEach((descriptor) => close(descriptor));
}

/**
 * Closes what a dead thread has left. The peers of its connections see a reset: an end would pass for the whole of the
 * stream. Nobody else closes these descriptors, so their numbers are still theirs.
 */
export function reclaimOnLinux(ledger: ResourceTracker, thread: number): void {
  const { close, setsockopt } = libc();
  // The ring is among them: it goes before the sockets that its operations may still hold.
  closeAll(ledger);
  ledger.contexts.forEach(destroyContextOfDead);
  if (!ledger.hasMarks) {
    return;
  }
  const option = new Slab(linger.size);
  option.i32[linger.l_onoff >> 2] = 1;
  for (const socket of markedSockets(thread)) {
    setsockopt(socket, SOL_SOCKET, SO_LINGER, option.address, linger.size);
    close(socket);
  }
}
