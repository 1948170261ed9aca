/** The bytes that wait to be sent on all connections of an engine, their cap, and the queues that hold them. */

import type { CompletionPort } from '../../port/completion-port.js';
import { WriteArena } from '../../port/sending/write-arena.js';
import { BACKLOGGED, CLOSING } from '../connection-core/state.js';
import { IdleQueues } from './idle-queues.js';
import { RoundBlock } from './round-block.js';
import { Sharing } from './shared-bytes.js';
import { WriteQueue } from './write-queue.js';

/** The engine is under pressure while more than this share of its cap waits to be sent. */
const PRESSURE_SHARE = 1 / 8;

/** A connection, as far as its queue is concerned. */
export interface QueueOwner {
  flags: number;
  queue: WriteQueue | undefined;
  readonly queuedBytes: number;
}

export class WriteBudget<Owner extends QueueOwner> {
  readonly bytesMax: number;
  /** Bytes written on all connections that the system has not taken yet. */
  queuedBytes = 0;
  readonly #pressureAt: number;
  readonly #port: CompletionPort;
  readonly #arena = new WriteArena();
  readonly #idleQueues = new IdleQueues();
  readonly #backlogged = new Set<Owner>();
  /** Makes the bytes that many connections send. */
  readonly sharing = new Sharing(this.#arena);
  /** For the small bytes of several connections. */
  readonly #copies = new RoundBlock(this.#arena);

  /** @param bytesMax the cap: above it the connection with the most queued bytes is closed */
  constructor(port: CompletionPort, bytesMax: number) {
    this.#port = port;
    this.bytesMax = bytesMax;
    this.#pressureAt = bytesMax * PRESSURE_SHARE;
  }

  /** Whether the high-water mark of each connection is its lower one, `pressureHighWaterMarkBytes`. */
  get underPressure(): boolean {
    return this.queuedBytes > this.#pressureAt;
  }

  /** Blocks of memory with bytes that were written and not sent. */
  get blocksHeld(): number {
    return this.#arena.blocksInUse;
  }

  /** A queue for a connection that begins to write. */
  takeQueue(): WriteQueue {
    return this.#idleQueues.take() ?? new WriteQueue(this.#port, this.#arena, this.#copies);
  }

  /** The round is over: its blocks get no more bytes. */
  roundOver(): void {
    this.sharing.rest();
    this.#copies.rest();
  }

  /** Takes the queue of a connection back, which has nothing to send. */
  giveQueue(owner: Owner): void {
    const { queue } = owner;
    owner.queue = undefined;
    if (queue !== undefined) {
      this.#idleQueues.give(queue);
    }
  }

  /** Takes a queue back that is empty, or whose bytes nobody sends any more. */
  giveUnowned(queue: WriteQueue): void {
    queue.clear();
    this.#idleQueues.give(queue);
  }

  /** The connection has more queued bytes than a connection of an engine under pressure should have. */
  trackBacklogged(owner: Owner): void {
    if ((owner.flags & (BACKLOGGED | CLOSING)) === 0) {
      owner.flags |= BACKLOGGED;
      this.#backlogged.add(owner);
    }
  }

  untrackBacklogged(owner: Owner): void {
    if ((owner.flags & BACKLOGGED) !== 0) {
      owner.flags &= ~BACKLOGGED;
      this.#backlogged.delete(owner);
    }
  }

  /** The connection with the most queued bytes, of those that are backlogged. */
  mostQueued(): Owner | undefined {
    let most: Owner | undefined;
    for (const owner of this.#backlogged) {
      if (most === undefined || owner.queuedBytes > most.queuedBytes) {
        most = owner;
      }
    }
    return most;
  }
}
