/** Events in order of time: a binary heap. Events at the same time keep their order. */

export interface SimEvent {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Whether it is cancelled: it is not run, and the clock does not stop for it. */
  cancelled: boolean;
}

function isBefore(first: SimEvent, second: SimEvent): boolean {
  return first.at < second.at || (first.at === second.at && first.order < second.order);
}

export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #added = 0;

  add(at: number, run: () => void): SimEvent {
    const event = { at, order: this.#added++, run, cancelled: false };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent] as SimEvent, event)) {
        break;
      }
      heap[index] = heap[parent] as SimEvent;
      index = parent;
    }
    heap[index] = event;
    return event;
  }

  /** The time of the next event; Infinity if there is none. */
  get nextAt(): number {
    while (this.#heap[0]?.cancelled === true) {
      this.#removeFirst();
    }
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Takes the next event if its time has come. */
  take(now: number): SimEvent | undefined {
    return this.nextAt <= now ? this.#removeFirst() : undefined;
  }

  #removeFirst(): SimEvent {
    const heap = this.#heap;
    const first = heap[0] as SimEvent;
    const moved = heap.pop() as SimEvent;
    const { length } = heap;
    let index = 0;
    for (let child = 1; child < length; child = 2 * index + 1) {
      if (child + 1 < length && isBefore(heap[child + 1] as SimEvent, heap[child] as SimEvent)) {
        child++;
      }
      if (isBefore(moved, heap[child] as SimEvent)) {
        break;
      }
      heap[index] = heap[child] as SimEvent;
      index = child;
    }
    if (length > 0) {
      heap[index] = moved;
    }
    return first;
  }
}
