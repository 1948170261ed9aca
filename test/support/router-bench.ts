/** The completion router with all that it needs from a port, for tests without sockets. */

import { BufferPool } from '../../src/port/buffer-pool.js';
import { type Completion, CompletionBatch } from '../../src/port/completion.js';
import { CompletionQueue } from '../../src/port/completion-queue.js';
import { CompletionRouter } from '../../src/port/completion-router.js';
import { OperationTable, SEND, SHUTDOWN } from '../../src/port/operations.js';
import { RetryQueue } from '../../src/port/retry-queue.js';
import { SendMemory } from '../../src/port/sending/send-memory.js';
import { OverlappedSocket, socketHomes } from '../../src/port/socket.js';
import { FakeDriver } from './fake-driver.js';

/** The inside of a port, on a fake driver. */
export class RouterBench {
  readonly driver = new FakeDriver();
  readonly operations = new OperationTable(256);
  readonly queue = new CompletionQueue();
  readonly pool = new BufferPool(2, 64, false);
  readonly retries = new RetryQueue(this.driver, this.operations);
  readonly sendMemory = new SendMemory(this.operations, this.pool);
  readonly router = new CompletionRouter(this);
  readonly #batch = new CompletionBatch(64);

  socket(state: OverlappedSocket['state'], handle = 10): OverlappedSocket {
    const socket = new OverlappedSocket(socketHomes(this.driver.sockets).ipv4, handle, state);
    this.router.sockets.add(socket);
    return socket;
  }

  /** Allocates a reading operation as a post would. */
  read(socket: OverlappedSocket, kind: number): number {
    const slot = this.operations.allocate(kind, socket, undefined);
    socket.readSlot = slot;
    return slot;
  }

  send(socket: OverlappedSocket, byteLength: number, context: unknown): number {
    const slot = this.operations.allocate(SEND, socket, context);
    this.sendMemory.hold(slot, new Uint8Array(byteLength));
    this.router.sends.appendPiece(socket, slot);
    return slot;
  }

  shutdown(socket: OverlappedSocket, context: unknown): void {
    this.router.sends.append(socket, this.operations.allocate(SHUTDOWN, socket, context));
  }

  generation(slot: number): number {
    return this.operations.generation[slot] as number;
  }

  complete(slot: number, result: number, { more = false, buffer = -1, generation = this.generation(slot) } = {}): void {
    this.router.complete(slot, generation, result, more, buffer);
  }

  take(): Completion[] {
    this.queue.open(this.#batch);
    this.queue.close();
    return this.#batch.entries.slice(0, this.#batch.length);
  }
}
