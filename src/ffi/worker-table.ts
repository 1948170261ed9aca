/**
 * A table of the process's workers, in memory that all of its threads share. A worker that is stopped from outside runs
 * nothing of ours any more, so the others must know two things of it:
 *
 * - Whether it does something now that must not be interrupted: `uninterrupted`. Koffi is one such thing. Node lets nobody
 *   throw in a thread that is being stopped, and koffi 3.3 ends the whole process when it cannot throw (`FATAL ERROR:
 *   Error::ThrowAsJavaScriptException`). Opening a descriptor and noting it is another. Whoever stops a worker waits until
 *   it is done, and lets nothing of the kind begin.
 * - What it has open: its row has room for the notes that `drivers/ledger.ts` keeps.
 *
 * The first thread that loads the library makes the table. Node copies its environment data to every worker that is
 * started from then on, and to their workers.
 */

import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads';
import { performanceNow } from '../base/runtime.js';

/** The number changes with the layout: copies of the package of different versions may share a process. */
const NAME = 'overlapped.workers.1';

/** Workers that can be in the table at one time. Further ones are not watched. */
const ROWS = 1024;
/** A worker's row is among this many from the one that its number gives. */
const ROWS_TRIED = 32;

/** Bytes of notes in each row. */
export const NOTES_BYTES = 2304;

/** How long others wait for a thread that must not be interrupted, in ms. Loading koffi takes about 5, opening a port 2. */
const BUSY_MS_MAX = 2000;

/** How often a thread that is held looks whether it is released, in ms. */
const HELD_LOOK_MS = 100;

/** Columns, each an Int32 for each row. */
const OWNER = 0;
const PARENT = 1;
const BUSY = 2;
const HELD = 3;
const COLUMNS = 4;

/** After the columns: whether all threads are held. */
const ALL_HELD = COLUMNS * ROWS;
const NOTES_OFFSET = 4 * (ALL_HELD + 2);
const BYTES = NOTES_OFFSET + ROWS * NOTES_BYTES;

/** What this thread knows of the table; copies of the package in one thread share it. */
interface OwnTable {
  readonly memory: SharedArrayBuffer;
  /** Another thread made the table, so somebody looks after this one. */
  readonly watched: boolean;
}

const KEY = Symbol.for(NAME);

function openTable(): OwnTable {
  const registry = globalThis as { [KEY]?: OwnTable };
  const known = registry[KEY];
  if (known !== undefined) {
    return known;
  }
  const inherited = getEnvironmentData(NAME) as unknown;
  const shared = inherited instanceof SharedArrayBuffer && inherited.byteLength === BYTES;
  const memory = shared ? inherited : new SharedArrayBuffer(BYTES);
  if (!shared) {
    setEnvironmentData(NAME, memory as unknown as string);
  }
  registry[KEY] = { memory, watched: shared && !isMainThread };
  return registry[KEY];
}

const { memory, watched } = openTable();
const words = new Int32Array(memory, 0, ALL_HELD + 1);

function cell(column: number, row: number): number {
  return column * ROWS + row;
}

/** The row of a worker, which gets one if it has none; -1 when there is no room. */
function rowOf(thread: number): number {
  const rows = Array.from({ length: ROWS_TRIED }, (_, step) => (thread + step) % ROWS);
  const has = rows.find((row) => Atomics.load(words, cell(OWNER, row)) === thread);
  return has ?? rows.find((row) => claim(row, thread)) ?? -1;
}

/** The worker and the thread that has started it may both look for its row, at the same time. */
function claim(row: number, thread: number): boolean {
  const owner = Atomics.compareExchange(words, cell(OWNER, row), 0, thread);
  return owner === 0 || owner === thread;
}

/** This thread's row; -1 when nobody looks after it. */
const ownRow = watched ? rowOf(threadId) : -1;

/** Where this thread writes down what it has open; undefined when nobody would read it. */
export function ownNotes(): Int8Array | undefined {
  return ownRow < 0 ? undefined : notesIn(ownRow);
}

function notesIn(row: number): Int8Array {
  return new Int8Array(memory, NOTES_OFFSET + row * NOTES_BYTES, NOTES_BYTES);
}

let depth = 0;

/**
 * Calls what must not be interrupted by the end of this thread. It waits when somebody is stopping the thread already, as
 * the end comes during that wait.
 */
export function uninterrupted<T>(call: () => T): T {
  beginUninterrupted();
  try {
    return call();
  } finally {
    endUninterrupted();
  }
}

export function beginUninterrupted(): void {
  if (depth++ > 0 || ownRow < 0) {
    return;
  }
  while (!becomeBusy()) {
    Atomics.wait(words, cell(HELD, ownRow), 1, HELD_LOOK_MS);
  }
}

/** Both sides write first and look then, so at least one sees the other. */
function becomeBusy(): boolean {
  Atomics.store(words, cell(BUSY, ownRow), 1);
  if (!isHeld()) {
    return true;
  }
  becomeIdle();
  return false;
}

export function endUninterrupted(): void {
  depth = Math.max(0, depth - 1);
  if (depth === 0 && ownRow >= 0) {
    becomeIdle();
  }
}

function becomeIdle(): void {
  Atomics.store(words, cell(BUSY, ownRow), 0);
  if (isHeld()) {
    Atomics.notify(words, cell(BUSY, ownRow));
  }
}

function isHeld(): boolean {
  return Atomics.load(words, cell(HELD, ownRow)) !== 0 || Atomics.load(words, ALL_HELD) !== 0;
}

/** A worker that this thread has started: from now on it is looked after. Returns its notes; undefined when there is no room. */
export function adoptWorker(thread: number): Int8Array | undefined {
  const row = rowOf(thread);
  if (row < 0) {
    return undefined;
  }
  // The main thread is 0, as no parent is: nobody outlives it.
  Atomics.store(words, cell(PARENT, row), threadId);
  return notesIn(row);
}

/** The rows of a worker and of those that it has started, in turn. */
function familyOf(thread: number): readonly number[] {
  const threads = new Set([thread]);
  const rows = new Set<number>();
  for (let before = -1; before < rows.size; ) {
    before = rows.size;
    for (let row = 0; row < ROWS; row++) {
      const owner = words[cell(OWNER, row)] as number;
      if (owner !== 0 && (threads.has(owner) || threads.has(words[cell(PARENT, row)] as number))) {
        threads.add(owner);
        rows.add(row);
      }
    }
  }
  return [...rows];
}

/**
 * A worker of this thread is about to be stopped, with its own workers: returns once each can be, and keeps them so.
 */
export function holdWorker(thread: number): void {
  const rows = familyOf(thread);
  for (const row of rows) {
    Atomics.store(words, cell(HELD, row), 1);
  }
  awaitIdle(rows);
}

/** The same for all threads, before the process exits. */
export function holdAll(): void {
  Atomics.store(words, ALL_HELD, 1);
  awaitIdle(Array.from({ length: ROWS }, (_, row) => row));
}

function awaitIdle(rows: readonly number[]): void {
  const deadline = performanceNow() + BUSY_MS_MAX;
  for (const row of rows) {
    if (Atomics.wait(words, cell(BUSY, row), 1, Math.max(0, deadline - performanceNow())) === 'timed-out') {
      // It has died there, or koffi could not be loaded: nobody waits for it again.
      Atomics.store(words, cell(BUSY, row), 0);
    }
  }
}

/** What a dead worker, and those that it had started, have left: called with each one's number and notes. */
export function buryWorker(thread: number, bury: (thread: number, notes: Int8Array) => void): void {
  for (const row of familyOf(thread)) {
    const owner = Atomics.load(words, cell(OWNER, row));
    bury(owner, notesIn(row));
    notesIn(row).fill(0);
    for (const column of [PARENT, BUSY, HELD, OWNER]) {
      Atomics.store(words, cell(column, row), 0);
    }
  }
}
