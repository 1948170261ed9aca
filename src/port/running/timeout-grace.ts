/**
 * Postpones timeouts while the port has a backlog. After a stall of the event loop, data of thousands of peers may be pending
 * that arrived in time, and one turn dequeues a few hundred completions. The grace is limited, so that a port that never
 * catches up still finds silent peers.
 */

/** In ms. The data of tens of thousands of connections is dequeued in that time, and usual timeouts are much longer. */
const LIMITS_WAIT_MS = 1000;

/**
 * If handlers are slow the time alone is not enough: also dequeue COMPLETIONS_PER_OPERATION completions for each operation in
 * flight. One of them may be the data that arrived in time; the others are more data, and the sends of the answers. Drivers
 * complete ready operations in turn.
 */
const COMPLETIONS_PER_OPERATION = 4;

export class TimeoutGrace {
  #untilMs = Infinity;
  #untilDequeued = Infinity;

  /** The port has caught up. */
  end(): void {
    this.#untilMs = Infinity;
    this.#untilDequeued = Infinity;
  }

  /**
   * Whether timeouts must still wait. To be called when timeouts are due and completions are pending.
   * @param dequeued completions dequeued since the pump was created
   * @param inFlight operations that have not ended
   */
  holds(nowMs: number, dequeued: number, inFlight: number): boolean {
    if (this.#untilMs === Infinity) {
      this.#untilMs = nowMs + LIMITS_WAIT_MS;
      this.#untilDequeued = dequeued + COMPLETIONS_PER_OPERATION * inFlight;
    }
    if (nowMs < this.#untilMs || dequeued < this.#untilDequeued) {
      return true;
    }
    this.end();
    return false;
  }
}
