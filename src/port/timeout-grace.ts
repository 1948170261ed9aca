/**
 * How long time limits wait for a port that lags behind. After a stall of the event loop the bytes of thousands of
 * peers may wait, all come in time, and one turn dequeues some hundreds of them. But a port that never comes to an end
 * has to find silent peers too.
 */

/** In ms: what some tens of thousands of connections sent is dequeued by then, and it is little beside usual limits. */
const LIMITS_WAIT_MS = 1000;

/**
 * Where handlers take their time, or block again, that is not enough. Then so many completions for each operation in
 * flight are: one may be the bytes that came in time, the others more bytes, and the sends that answer. Drivers
 * complete what is ready in turn.
 */
const COMPLETIONS_PER_OPERATION = 4;

export class TimeoutGrace {
  #untilMs = Infinity;
  #untilDequeued = Infinity;

  /** All that had come was dequeued. */
  end(): void {
    this.#untilMs = Infinity;
    this.#untilDequeued = Infinity;
  }

  /**
   * Limits are due, and more has come than was dequeued: whether they wait still.
   * @param dequeued completions that were ever dequeued
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
