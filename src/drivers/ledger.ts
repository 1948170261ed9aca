/**
 * What a thread has open that the process would keep if the thread died: descriptors that are no sockets, mapped
 * memory, and a context of asynchronous I/O. A worker that dies runs nothing of ours any more, so it writes this down
 * beforehand, in memory that another thread reads then. Sockets are not in it: they come and go too often, and systems
 * mark them better.
 *
 * An entry goes before what it stands for: dying in between loses a descriptor, and closes none that is another's by then.
 */

import { assert } from '../assert.js';

/** Descriptors of ports: a handful each. What does not fit is not written down. */
const DESCRIPTORS_MAX = 256;
/** Mappings of rings: two each. */
const MAPPINGS_MAX = 64;

const MAPPINGS_OFFSET = 4 * DESCRIPTORS_MAX;
/** The one context of the thread. */
const CONTEXT_OFFSET = MAPPINGS_OFFSET + 16 * MAPPINGS_MAX;
const BYTES = CONTEXT_OFFSET + 8;

export interface Mapping {
  readonly address: number;
  readonly byteLength: number;
}

export class Ledger {
  readonly memory: SharedArrayBuffer;
  /** Each descriptor and 1, as 0 is free. */
  readonly #descriptors: Int32Array;
  /** Address and length by turns; an address of 0 is free. */
  readonly #mappings: Float64Array;
  /** Its address, or 0. */
  readonly #context: Float64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.memory = memory;
    this.#descriptors = new Int32Array(memory, 0, DESCRIPTORS_MAX);
    this.#mappings = new Float64Array(memory, MAPPINGS_OFFSET, 2 * MAPPINGS_MAX);
    this.#context = new Float64Array(memory, CONTEXT_OFFSET, 1);
  }

  add(descriptor: number): void {
    const free = this.#descriptors.indexOf(0);
    if (free >= 0) {
      this.#descriptors[free] = descriptor + 1;
    }
  }

  remove(descriptor: number): void {
    const index = this.#descriptors.indexOf(descriptor + 1);
    if (index >= 0) {
      this.#descriptors[index] = 0;
    }
  }

  addMapping({ address, byteLength }: Mapping): void {
    for (let index = 0; index < 2 * MAPPINGS_MAX; index += 2) {
      if (this.#mappings[index] === 0) {
        this.#mappings[index + 1] = byteLength;
        this.#mappings[index] = address;
        return;
      }
    }
  }

  removeMapping({ address }: Mapping): void {
    for (let index = 0; index < 2 * MAPPINGS_MAX; index += 2) {
      if (this.#mappings[index] === address) {
        this.#mappings[index] = 0;
      }
    }
  }

  get descriptors(): readonly number[] {
    return [...this.#descriptors].filter((entry) => entry !== 0).map((entry) => entry - 1);
  }

  get mappings(): readonly Mapping[] {
    const mappings: Mapping[] = [];
    for (let index = 0; index < 2 * MAPPINGS_MAX; index += 2) {
      const address = this.#mappings[index] as number;
      if (address !== 0) {
        mappings.push({ address, byteLength: this.#mappings[index + 1] as number });
      }
    }
    return mappings;
  }

  get context(): number | undefined {
    return this.#context[0] === 0 ? undefined : this.#context[0];
  }

  set context(address: number) {
    this.#context[0] = address;
  }
}

/** This thread's, if somebody asked it to keep one. */
let own: Ledger | undefined;

/** From now on this thread writes down what it opens. Others read it when the thread is dead. */
export function keepLedger(memory: SharedArrayBuffer): void {
  own = new Ledger(memory);
}

export function keepsLedger(): boolean {
  return own !== undefined;
}

/** Of what is being built now. */
let parts: Ledger | undefined;

/** Builds something of many parts: when that throws, `giveBack` is told what it had opened by then. */
export function allOrNothing<Whole>(build: () => Whole, giveBack: (opened: Ledger) => void): Whole {
  assert(parts === undefined, 'One whole is built at a time');
  const ledger = new Ledger();
  parts = ledger;
  try {
    return build();
  } catch (error) {
    giveBack(ledger);
    throw error;
  } finally {
    parts = undefined;
  }
}

/** A descriptor was opened that is no socket; -1 is none. */
export function opened(descriptor: number): void {
  if (descriptor >= 0) {
    own?.add(descriptor);
    parts?.add(descriptor);
  }
}

/** It is about to be closed. */
export function closing(descriptor: number): void {
  own?.remove(descriptor);
  parts?.remove(descriptor);
}

export function mapped(mapping: Mapping): void {
  own?.addMapping(mapping);
  parts?.addMapping(mapping);
}

/** It is about to be unmapped. */
export function unmapping(mapping: Mapping): void {
  own?.removeMapping(mapping);
  parts?.removeMapping(mapping);
}

/** The thread has a context of asynchronous I/O, at an address. */
export function contextOpened(address: number): void {
  if (own !== undefined) {
    own.context = address;
  }
}

/** It is about to be given back. */
export function contextClosing(): void {
  contextOpened(0);
}
