/**
 * The sockets that a worker has open: Windows knows no owner of a socket, so the thread that has started the worker finds
 * them in a list when it has died.
 */

import { LIST_BLOCK_BYTES, NOT_LISTED, OutlivingList, readBlock } from '../../ffi/outliving-list.js';
import { INVALID_SOCKET } from '../../ffi/windows/constants.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { trackSocketTable } from '../common/resources.js';
import { outlivingPages } from './outliving-memory.js';

const sockets = new OutlivingList(() => outlivingPages(LIST_BLOCK_BYTES), trackSocketTable);
/** The places of handles in the list. */
const places = new Map<number, number>();

/** This thread was given a socket. */
export function ownSocket(handle: number): void {
  const place = sockets.add(handle);
  if (place !== NOT_LISTED) {
    places.set(handle, place);
  }
}

/** Opens a socket by a call that returns its handle or INVALID_SOCKET. The thread cannot be terminated before it owns it. */
export function openOwned(open: () => number): number {
  return uninterrupted(() => {
    const handle = open();
    if (handle !== INVALID_SOCKET) {
      ownSocket(handle);
    }
    return handle;
  });
}

/** The socket is about to be closed, or to be given away. */
export function disownSocket(handle: number): void {
  const place = places.get(handle);
  if (place !== undefined) {
    places.delete(handle);
    sockets.remove(place);
  }
}

/** The sockets of a dead thread, by the address of its list. */
export function socketsIn(list: number): readonly number[] {
  const found: number[] = [];
  for (let address = list; address !== 0; ) {
    const { entries, next } = readBlock(address);
    found.push(...entries);
    address = next;
  }
  return found;
}
