/**
 * The sends in flight, as far as a wait needs to know them. The kernel completes a small send while it submits it, if
 * the socket has room. A wait for one completion that also submits sends would end with the first of these; so it waits
 * for as many completions more as there are sends to submit. That is one system call for a message instead of two.
 */

/** Bytes of a send that almost always finds room. */
const SMALL_BYTES = 4096;

/** With more sends than that, one of them may well find no room. */
const SENDS_MAX = 16;

const SLOTS_FIRST = 1024;

export class SmallSends {
  /** 1 for the slot of a send in flight. */
  #slots = new Uint8Array(SLOTS_FIRST);
  #inFlight = 0;
  /** Small sends that were posted since the last submission. */
  #posted = 0;

  post(slot: number, byteLength: number): void {
    if (slot >= this.#slots.length) {
      const larger = new Uint8Array(Math.max(2 * this.#slots.length, slot + 1));
      larger.set(this.#slots);
      this.#slots = larger;
    }
    this.#slots[slot] = 1;
    this.#inFlight++;
    if (byteLength <= SMALL_BYTES) {
      this.#posted++;
    }
  }

  completed(slot: number): void {
    if (this.#slots[slot] === 1) {
      this.#slots[slot] = 0;
      this.#inFlight--;
    }
  }

  /**
   * Number of completions that the next submission brings at once; 0 unless all sends in flight are small ones that it
   * submits.
   */
  get immediate(): number {
    return this.#posted === this.#inFlight && this.#posted <= SENDS_MAX ? this.#posted : 0;
  }

  submitted(): void {
    this.#posted = 0;
  }
}
