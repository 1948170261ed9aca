/**
 * Tracks the resources of a thread that would stay open in the process if the thread died: descriptors other than
 * sockets (Windows: the handles of completion ports), mapped memory, contexts of asynchronous I/O, and lists of OpenSSL's
 * objects (`ffi/openssl-objects.ts`). A dead worker runs no more code, so it writes them down while it lives, in its row of
 * the workers' table, and the thread that has started it reads the row. Sockets are not tracked here: they come and go too often. On Linux they carry their owner
 * themselves (`linux/socket-owner.ts`), on Windows they are in a table of their thread (`windows/socket-table.ts`).
 *
 * A resource is untracked before it is closed: a thread that dies in between leaks a descriptor instead of having
 * another owner's closed.
 */

import { assert } from '../../base/assert.js';
import { NOTES_BYTES, ownNotes } from '../../ffi/worker-table.js';

/** A port has a handful of descriptors. Descriptors beyond this number are not tracked. */
const DESCRIPTORS_MAX = 256;
/** A ring has two mappings. */
const MAPPINGS_MAX = 64;

const MAPPINGS_OFFSET = 4 * DESCRIPTORS_MAX;
const MAPPING_LENGTHS_OFFSET = MAPPINGS_OFFSET + 8 * MAPPINGS_MAX;
/** Contexts of asynchronous I/O: one for each copy of the package in the thread. */
const CONTEXTS_MAX = 4;
const CONTEXTS_OFFSET = MAPPING_LENGTHS_OFFSET + 8 * MAPPINGS_MAX;
const OWNED_SOCKETS_OFFSET = CONTEXTS_OFFSET + 8 * CONTEXTS_MAX;
const OWNED_SOCKETS_BYTES = 8;
/** Lists of OpenSSL's objects: one for each copy of the package in the thread. */
const LISTS_MAX = 4;
const LISTS_OFFSET = OWNED_SOCKETS_OFFSET + OWNED_SOCKETS_BYTES;
/** Tables of sockets: one for each copy of the package in the thread. */
const TABLES_MAX = 4;
const TABLES_OFFSET = LISTS_OFFSET + 8 * LISTS_MAX;
const BYTES = TABLES_OFFSET + 8 * TABLES_MAX;
assert(BYTES <= NOTES_BYTES);

export interface Mapping {
  readonly address: number;
  readonly byteLength: number;
}

/** Writes down an entry. If there is no room, it is not tracked. */
function put(entries: Int32Array | Float64Array, entry: number): void {
  const free = entries.indexOf(0);
  if (free >= 0) {
    entries[free] = entry;
  }
}

function clear(entries: Int32Array | Float64Array, entry: number): void {
  const index = entries.indexOf(entry);
  if (index >= 0) {
    entries[index] = 0;
  }
}

function allOf(entries: Int32Array | Float64Array): number[] {
  return [...entries].filter((entry) => entry !== 0);
}

export class ResourceTracker {
  /** Descriptors plus 1; 0 is free. */
  readonly #descriptors: Int32Array;
  /** Addresses of mappings; 0 is free. */
  readonly #mappings: Float64Array;
  readonly #mappingLengths: Float64Array;
  /** Addresses of contexts; 0 is free. */
  readonly #contexts: Float64Array;
  /** 1 if the thread owns sockets. */
  readonly #ownedSockets: Int32Array;
  /** Addresses of lists; 0 is free. */
  readonly #lists: Float64Array;
  /** Addresses of tables; 0 is free. */
  readonly #tables: Float64Array;

  constructor(notes: Int8Array = new Int8Array(BYTES)) {
    const { buffer, byteOffset } = notes;
    this.#descriptors = new Int32Array(buffer, byteOffset, DESCRIPTORS_MAX);
    this.#mappings = new Float64Array(buffer, byteOffset + MAPPINGS_OFFSET, MAPPINGS_MAX);
    this.#mappingLengths = new Float64Array(buffer, byteOffset + MAPPING_LENGTHS_OFFSET, MAPPINGS_MAX);
    this.#contexts = new Float64Array(buffer, byteOffset + CONTEXTS_OFFSET, CONTEXTS_MAX);
    this.#ownedSockets = new Int32Array(buffer, byteOffset + OWNED_SOCKETS_OFFSET, 1);
    this.#lists = new Float64Array(buffer, byteOffset + LISTS_OFFSET, LISTS_MAX);
    this.#tables = new Float64Array(buffer, byteOffset + TABLES_OFFSET, TABLES_MAX);
  }

  add(descriptor: number): void {
    put(this.#descriptors, descriptor + 1);
  }

  remove(descriptor: number): void {
    clear(this.#descriptors, descriptor + 1);
  }

  addMapping({ address, byteLength }: Mapping): void {
    const free = this.#mappings.indexOf(0);
    if (free >= 0) {
      this.#mappingLengths[free] = byteLength;
      this.#mappings[free] = address;
    }
  }

  removeMapping({ address }: Mapping): void {
    clear(this.#mappings, address);
  }

  get descriptors(): readonly number[] {
    return allOf(this.#descriptors).map((entry) => entry - 1);
  }

  get mappings(): readonly Mapping[] {
    const lengths = this.#mappingLengths;
    return Array.from(this.#mappings, (address, index) => ({ address, byteLength: lengths[index] as number })).filter(
      ({ address }) => address !== 0,
    );
  }

  addContext(address: number): void {
    put(this.#contexts, address);
  }

  removeContext(address: number): void {
    clear(this.#contexts, address);
  }

  get contexts(): readonly number[] {
    return allOf(this.#contexts);
  }

  addList(address: number): void {
    put(this.#lists, address);
  }

  get lists(): readonly number[] {
    return allOf(this.#lists);
  }

  addSocketTable(address: number): void {
    put(this.#tables, address);
  }

  get socketTables(): readonly number[] {
    return allOf(this.#tables);
  }

  get hasOwnedSockets(): boolean {
    return this.#ownedSockets[0] !== 0;
  }

  ownsSockets(): void {
    this.#ownedSockets[0] = 1;
  }
}

/** This thread's resources; undefined if no other thread would reclaim them. */
const own = openOwn();

function openOwn(): ResourceTracker | undefined {
  const notes = ownNotes();
  return notes === undefined ? undefined : new ResourceTracker(notes);
}

/**
 * This thread owns a socket that is to be closed if the thread dies. Returns false if no other thread would close it.
 */
export function trackOwnedSocket(): boolean {
  own?.ownsSockets();
  return own !== undefined;
}

/** Resources of the object that `allOrNothing` builds now. */
let parts: ResourceTracker | undefined;

/**
 * Builds an object of several resources. If that throws, calls `giveBack` with the resources that were opened so far.
 */
export function allOrNothing<Whole>(build: () => Whole, giveBack: (resources: ResourceTracker) => void): Whole {
  assert(parts === undefined, 'Objects are built one at a time');
  const tracked = new ResourceTracker();
  parts = tracked;
  try {
    return build();
  } catch (error) {
    giveBack(tracked);
    throw error;
  } finally {
    parts = undefined;
  }
}

/** A descriptor that is no socket was opened; -1 is none. */
export function trackDescriptor(descriptor: number): void {
  if (descriptor >= 0) {
    own?.add(descriptor);
    parts?.add(descriptor);
  }
}

/** The descriptor is about to be closed. */
export function untrackDescriptor(descriptor: number): void {
  own?.remove(descriptor);
  parts?.remove(descriptor);
}

export function trackMapping(mapping: Mapping): void {
  own?.addMapping(mapping);
  parts?.addMapping(mapping);
}

/** The memory is about to be unmapped. */
export function untrackMapping(mapping: Mapping): void {
  own?.removeMapping(mapping);
  parts?.removeMapping(mapping);
}

/** The thread has created a context of asynchronous I/O, at an address. */
export function trackContext(address: number): void {
  own?.addContext(address);
}

/** The context is about to be destroyed. */
export function untrackContext(address: number): void {
  own?.removeContext(address);
}

/** The thread has a table of its sockets (Windows), at an address. It ends with the thread. */
export function trackSocketTable(address: number): void {
  own?.addSocketTable(address);
}

/** The thread has a list of OpenSSL's objects, at an address. It ends with the thread. */
export function trackList(address: number): void {
  own?.addList(address);
}
