/**
 * What a thread has open that the process would keep if the thread died: descriptors that are no sockets, mapped
 * memory, and contexts of asynchronous I/O. A worker that dies runs nothing of ours any more, so it writes this down
 * beforehand, in its row of the workers' table, which the thread that started it reads then. Sockets are not in it: they
 * come and go too often, and systems mark them better.
 *
 * An entry goes before what it stands for: dying in between loses a descriptor, and closes none that is another's by then.
 */

import { assert } from '../../base/assert.js';
import { NOTES_BYTES, ownNotes } from '../../ffi/worker-table.js';

/** Descriptors of ports: a handful each. What does not fit is not written down. */
const DESCRIPTORS_MAX = 256;
/** Mappings of rings: two each. */
const MAPPINGS_MAX = 64;

const MAPPINGS_OFFSET = 4 * DESCRIPTORS_MAX;
const MAPPING_LENGTHS_OFFSET = MAPPINGS_OFFSET + 8 * MAPPINGS_MAX;
/** Contexts of asynchronous I/O: one of the thread, for each copy of the package in it. */
const CONTEXTS_MAX = 4;
const CONTEXTS_OFFSET = MAPPING_LENGTHS_OFFSET + 8 * MAPPINGS_MAX;
const MARKS_OFFSET = CONTEXTS_OFFSET + 8 * CONTEXTS_MAX;
const MARKS_BYTES = 8;
const BYTES = MARKS_OFFSET + MARKS_BYTES;
assert(BYTES <= NOTES_BYTES);

export interface Mapping {
  readonly address: number;
  readonly byteLength: number;
}

export class ResourceTracker {
  /** Each descriptor and 1, as 0 is free. */
  readonly #descriptors: Int32Array;
  /** Addresses of mappings; 0 is free. */
  readonly #mappings: Float64Array;
  readonly #mappingLengths: Float64Array;
  /** Their addresses; 0 is free. */
  readonly #contexts: Float64Array;
  /** Whether sockets of the thread are marked. */
  readonly #marks: Int32Array;

  constructor(notes: Int8Array = new Int8Array(BYTES)) {
    const { buffer, byteOffset } = notes;
    this.#descriptors = new Int32Array(buffer, byteOffset, DESCRIPTORS_MAX);
    this.#mappings = new Float64Array(buffer, byteOffset + MAPPINGS_OFFSET, MAPPINGS_MAX);
    this.#mappingLengths = new Float64Array(buffer, byteOffset + MAPPING_LENGTHS_OFFSET, MAPPINGS_MAX);
    this.#contexts = new Float64Array(buffer, byteOffset + CONTEXTS_OFFSET, CONTEXTS_MAX);
    this.#marks = new Int32Array(buffer, byteOffset + MARKS_OFFSET, 1);
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
    const free = this.#mappings.indexOf(0);
    if (free >= 0) {
      this.#mappingLengths[free] = byteLength;
      this.#mappings[free] = address;
    }
  }

  removeMapping({ address }: Mapping): void {
    const index = this.#mappings.indexOf(address);
    if (index >= 0) {
      this.#mappings[index] = 0;
    }
  }

  get descriptors(): readonly number[] {
    return [...this.#descriptors].filter((entry) => entry !== 0).map((entry) => entry - 1);
  }

  get mappings(): readonly Mapping[] {
    const lengths = this.#mappingLengths;
    return Array.from(this.#mappings, (address, index) => ({ address, byteLength: lengths[index] as number })).filter(
      ({ address }) => address !== 0,
    );
  }

  addContext(address: number): void {
    const free = this.#contexts.indexOf(0);
    if (free >= 0) {
      this.#contexts[free] = address;
    }
  }

  removeContext(address: number): void {
    const index = this.#contexts.indexOf(address);
    if (index >= 0) {
      this.#contexts[index] = 0;
    }
  }

  get contexts(): readonly number[] {
    return [...this.#contexts].filter((address) => address !== 0);
  }

  get hasMarks(): boolean {
    return this.#marks[0] !== 0;
  }

  marked(): void {
    this.#marks[0] = 1;
  }
}

/** This thread's, if somebody reads it when the thread is dead. */
const own = openOwn();

function openOwn(): ResourceTracker | undefined {
  const notes = ownNotes();
  return notes === undefined ? undefined : new ResourceTracker(notes);
}

/** This thread has a socket that is to be closed when the thread has died. Returns false when nobody will. */
export function trackMarkedSocket(): boolean {
  own?.marked();
  return own !== undefined;
}

/** Of what is being built now. */
let parts: ResourceTracker | undefined;

/** Builds something of many parts: when that throws, `giveBack` is told what it had opened by then. */
export function allOrNothing<Whole>(build: () => Whole, giveBack: (trackDescriptor: ResourceTracker) => void): Whole {
  assert(parts === undefined, 'One whole is built at a time');
  const ledger = new ResourceTracker();
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
export function untrackDescriptor(descriptor: number): void {
  own?.remove(descriptor);
  parts?.remove(descriptor);
}

export function trackMapping(mapping: Mapping): void {
  own?.addMapping(mapping);
  parts?.addMapping(mapping);
}

/** It is about to be unmapped. */
export function untrackMapping(mapping: Mapping): void {
  own?.removeMapping(mapping);
  parts?.removeMapping(mapping);
}

/** The thread has a context of asynchronous I/O, at an address. */
export function trackContext(address: number): void {
  own?.addContext(address);
}

/** It is about to be given back. */
export function untrackContext(address: number): void {
  own?.removeContext(address);
}
