/** Trying operations: what the simulated kernel does with one when there may be something for it. */

import { ERR_BUFFER_DETACHED } from '../../../base/errors.js';
import { EMFILE, ENOBUFS, EPIPE } from './errno.js';
import type { Kernel } from './kernel.js';
import type { OperationOwner, Place } from './place.js';
import type { SimSocket } from './socket.js';

export class Attempts {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  tryRead(socket: SimSocket): void {
    socket.changed?.();
    const { reading, owner } = socket;
    if (reading === undefined || owner === undefined || !reading.started) {
      return;
    }
    if (reading.kind === 'accept') {
      this.#accept(socket, reading, owner);
    } else {
      this.#receive(socket, reading, owner);
    }
  }

  /** Takes connections until none waits; the accept goes on. */
  #accept(listener: SimSocket, place: Place, owner: OperationOwner): void {
    const { random, faults, connects } = this.#kernel;
    while (listener.backlog.length > 0) {
      if (!this.#kernel.hasRoom) {
        this.#endRead(listener, place, owner, -EMFILE);
        return;
      }
      const accepted = listener.backlog.shift() as SimSocket;
      this.#kernel.giveNumber(accepted);
      connects.admit(listener);
      if (random.chance(faults.endedMultishots)) {
        this.#endRead(listener, place, owner, accepted.number);
        return;
      }
      owner.completed(place, accepted.number, true, -1);
    }
  }

  /** Takes bytes while there are some: once, or again and again. */
  #receive(socket: SimSocket, place: Place, owner: OperationOwner): void {
    const { random, faults, transport } = this.#kernel;
    const { incoming } = socket;
    const { buffers } = owner;
    if (incoming.readable === 0 && !incoming.atEnd && !socket.receiveShut && socket.error === 0) {
      if (buffers.count === 0 && random.chance(faults.noBuffers)) {
        // Some systems look for one before they know that there is nothing to receive.
        this.#endRead(socket, place, owner, -ENOBUFS);
      }
      return;
    }
    // A system looks for a buffer before it knows that it needs none, at the end or for an error.
    if (buffers.count === 0) {
      this.#endRead(socket, place, owner, -ENOBUFS);
      return;
    }
    while (incoming.readable > 0 && !socket.receiveShut) {
      if (buffers.count === 0 || random.chance(faults.noBuffers)) {
        this.#endRead(socket, place, owner, -ENOBUFS);
        return;
      }
      const most = Math.min(incoming.readable, buffers.sizeBytes);
      const byteLength = random.chance(faults.shortReceives) ? 1 + random.below(most) : most;
      incoming.readInto(buffers.memory, buffers.nextOffset(), byteLength);
      transport.wasRead(socket);
      const buffer = buffers.take();
      if (!owner.multishot || place.once || random.chance(faults.endedMultishots)) {
        this.#endRead(socket, place, owner, byteLength, buffer);
        return;
      }
      owner.completed(place, byteLength, true, buffer);
    }
    if (incoming.atEnd || socket.receiveShut) {
      this.#endRead(socket, place, owner, 0);
    } else if (socket.error !== 0) {
      socket.errorTold = true;
      this.#endRead(socket, place, owner, -socket.error);
    }
  }

  #endRead(socket: SimSocket, place: Place, owner: OperationOwner, result: number, buffer = -1): void {
    socket.reading = undefined;
    owner.completed(place, result, false, buffer);
  }

  tryWrite(socket: SimSocket): void {
    socket.changed?.();
    const { writing, owner } = socket;
    if (writing === undefined || owner === undefined || !writing.started || writing.kind !== 'send') {
      return;
    }
    const result = this.#send(socket, writing, owner);
    if (result !== 0) {
      socket.writing = undefined;
      owner.completed(writing, result, false, -1);
    }
  }

  /** Takes what there is room for; returns how many bytes, 0 to wait, or an error number, negated. */
  #send(socket: SimSocket, place: Place, owner: OperationOwner): number {
    const { random, faults, transport } = this.#kernel;
    if (socket.error !== 0) {
      // As with Linux: the error is told once, and then the pipe is broken.
      const told = socket.errorTold || socket.error === EPIPE;
      socket.errorTold = true;
      return told ? -EPIPE : -socket.error;
    }
    if (socket.sendEnded) {
      return -EPIPE;
    }
    const most = Math.min(socket.room, place.byteLength);
    if (most === 0) {
      return 0;
    }
    if (!owner.isWhole(place)) {
      return -ERR_BUFFER_DETACHED;
    }
    const byteLength = random.chance(faults.shortSends) ? 1 + random.below(most) : most;
    transport.send(socket, gathered(place, owner, byteLength));
    return byteLength;
  }
}

/** The first `byteLength` bytes of a send, copied from its memory now. */
function gathered(place: Place, owner: OperationOwner, byteLength: number): Uint8Array {
  const { addresses, lengths } = place;
  if ((lengths[0] as number) >= byteLength) {
    return owner.bytesAt(addresses[0] as number, byteLength);
  }
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for (let index = 0; at < byteLength; index++) {
    const part = Math.min(lengths[index] as number, byteLength - at);
    bytes.set(owner.bytesAt(addresses[index] as number, part), at);
    at += part;
  }
  return bytes;
}
