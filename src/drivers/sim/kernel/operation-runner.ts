/** Carries out operations: tries an accept, a receive or a send when its socket may be ready for it. */

import { ERR_BUFFER_DETACHED } from '../../../base/errors.js';
import type { Connects } from './connects.js';
import { EMFILE, ENOBUFS, EPIPE } from './errno.js';
import type { Operation, OperationOwner } from './operation.js';
import type { SimSocket } from './socket.js';
import type { KernelState } from './state.js';
import type { Transport } from './transport.js';

export class OperationRunner {
  readonly #kernel: KernelState;
  readonly #transport: Transport;
  readonly #connects: Connects;

  constructor(kernel: KernelState, transport: Transport, connects: Connects) {
    this.#kernel = kernel;
    this.#transport = transport;
    this.#connects = connects;
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

  /** Accepts connections until none waits. The accept stays posted. */
  #accept(listener: SimSocket, operation: Operation, owner: OperationOwner): void {
    const { random, faults } = this.#kernel;
    while (listener.backlog.length > 0) {
      if (!this.#kernel.hasRoom) {
        this.#endRead(listener, operation, owner, -EMFILE);
        return;
      }
      const accepted = listener.backlog.shift() as SimSocket;
      this.#kernel.giveNumber(accepted);
      this.#connects.admit(listener);
      if (random.chance(faults.endedMultishots)) {
        this.#endRead(listener, operation, owner, accepted.number);
        return;
      }
      owner.completed(operation, accepted.number, true, -1);
    }
  }

  /** Receives bytes: once, or repeatedly while there are some. */
  #receive(socket: SimSocket, operation: Operation, owner: OperationOwner): void {
    const { random, faults } = this.#kernel;
    const { incoming } = socket;
    const { buffers } = owner;
    if (!socket.isReadable && !incoming.atEnd && !socket.receiveShut && socket.error === 0) {
      if (buffers.count === 0 && random.chance(faults.noBuffers)) {
        // Some systems need a buffer even before they know that there is nothing to receive.
        this.#endRead(socket, operation, owner, -ENOBUFS);
      }
      return;
    }
    // A system needs a buffer even for the end of the stream or an error.
    if (buffers.count === 0) {
      this.#endRead(socket, operation, owner, -ENOBUFS);
      return;
    }
    while (incoming.readable > 0 && !socket.receiveShut) {
      if (buffers.count === 0 || random.chance(faults.noBuffers)) {
        this.#endRead(socket, operation, owner, -ENOBUFS);
        return;
      }
      const most = Math.min(incoming.readable, buffers.sizeBytes);
      const byteLength = random.chance(faults.shortReceives) ? 1 + random.below(most) : most;
      incoming.readInto(buffers.memory, buffers.nextOffset(), byteLength);
      this.#transport.wasRead(socket);
      const buffer = buffers.take();
      if (!owner.multishot || operation.once || random.chance(faults.endedMultishots)) {
        this.#endRead(socket, operation, owner, byteLength, buffer);
        return;
      }
      owner.completed(operation, byteLength, true, buffer);
    }
    if (incoming.atEnd || socket.receiveShut) {
      this.#endRead(socket, operation, owner, 0);
    } else if (socket.error !== 0) {
      socket.errorReported = true;
      this.#endRead(socket, operation, owner, -socket.error);
    }
  }

  #endRead(socket: SimSocket, operation: Operation, owner: OperationOwner, result: number, buffer = -1): void {
    socket.reading = undefined;
    owner.completed(operation, result, false, buffer);
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

  /** Sends the first of these bytes, as many as there is room for; returns how many, or an error number, negated. */
  sendNow(socket: SimSocket, address: number, byteLength: number): number {
    const { owner } = socket;
    if (owner === undefined || socket.state !== 'connected') {
      return -EPIPE;
    }
    const error = sendError(socket);
    if (error !== 0) {
      return -error;
    }
    const most = Math.min(socket.room, byteLength);
    if (most === 0) {
      return 0;
    }
    const taken = this.#taken(most);
    this.#transport.send(socket, owner.bytesAt(address, taken));
    return taken;
  }

  /** How many of the bytes that there is room for a send takes. */
  #taken(most: number): number {
    const { random, faults } = this.#kernel;
    return random.chance(faults.shortSends) ? 1 + random.below(most) : most;
  }

  /** Sends as many bytes as there is room for; returns how many, 0 to wait, or an error number, negated. */
  #send(socket: SimSocket, operation: Operation, owner: OperationOwner): number {
    const error = sendError(socket);
    if (error !== 0) {
      return -error;
    }
    const most = Math.min(socket.room, operation.byteLength);
    if (most === 0) {
      return 0;
    }
    if (!owner.isWhole(operation)) {
      return -ERR_BUFFER_DETACHED;
    }
    const byteLength = this.#taken(most);
    this.#transport.send(socket, copied(operation, owner, byteLength));
    return byteLength;
  }
}

/** Why a send fails: 0 if nothing keeps it from being sent. As on Linux, an error is reported once, then EPIPE. */
function sendError(socket: SimSocket): number {
  if (socket.error === 0) {
    return socket.sendEnded ? EPIPE : 0;
  }
  const reported = socket.errorReported || socket.error === EPIPE;
  socket.errorReported = true;
  return reported ? EPIPE : socket.error;
}

/** A copy of the first `byteLength` bytes of a send. */
function copied(operation: Operation, owner: OperationOwner, byteLength: number): Uint8Array {
  const { addresses, lengths } = operation;
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
