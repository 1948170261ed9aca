/** Closes the descriptors, memory and contexts of a thread of this process that has died. */

import { SO_LINGER, SOL_SOCKET } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { linger } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { lackOfKoffi } from '../../ffi/native-error.js';
import { type ResourceTracker, untrackDescriptor, untrackMapping } from '../common/resources.js';
import { destroyContextOfDead } from './aio.js';
import { ownedSockets } from './socket-owner.js';

/** Closes the descriptors and memory that an unsuccessful open had allocated so far. */
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
 * Closes all that a dead thread has left open. The peers of its connections see a reset: an end would look like the
 * complete stream. No other thread closes these descriptors, so their numbers are still valid.
 */
export function reclaimOnLinux(resources: ResourceTracker, thread: number): void {
  const { mappings, descriptors, contexts, hasOwnedSockets } = resources;
  const isEmpty = mappings.length + descriptors.length + contexts.length === 0;
  if (isEmpty && (!hasOwnedSockets || lackOfKoffi() !== undefined)) {
    // Without koffi, a thread of a server had only sockets of Node, which are closed with its event loop.
    return;
  }
  const { close, setsockopt } = libc();
  // The rings are closed before the sockets that their operations may still hold.
  closeAll(resources);
  contexts.forEach(destroyContextOfDead);
  if (!hasOwnedSockets) {
    return;
  }
  const option = new Slab(linger.size);
  option.i32[linger.l_onoff >> 2] = 1;
  for (const socket of ownedSockets(thread)) {
    setsockopt(socket, SOL_SOCKET, SO_LINGER, option.address, linger.size);
    close(socket);
  }
}
