/**
 * A table of the process's workers, in memory that all threads share. A terminated worker runs no more code, so other threads must
 * know two things about it:
 *
 * - Whether it is in a section that must not be interrupted (`uninterrupted`). A call of koffi is one: in a thread that is being
 *   terminated nothing can throw, and koffi 3.3 ends the whole process if it cannot throw (`FATAL ERROR:
 *   Error::ThrowAsJavaScriptException`). Opening and tracking a descriptor is another. A thread that terminates a worker waits
 *   until the section has ended, and keeps the worker from entering another one.
 * - Its open resources: its row has memory for the notes of `drivers/common/resources.ts`.
 *
 * The first thread that loads the library makes the table. Node copies its environment data to every worker that is started from
 * then on, and to their workers.
 */

import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads';
import { performanceNow } from '../base/runtime.js';
import { sharedByCopies } from '../base/shared-by-copies.js';

/** The number changes with the layout: copies of the package of different versions may share a process. */
const NAME = 'workers:1';
const ENVIRONMENT_NAME = `overlapped:${NAME}`;

/** Maximum number of workers in the table. Further workers are not guarded. */
const ROWS = 1024;
/** A worker's row is one of this many, beginning with its number modulo ROWS. */
const ROWS_TRIED = 32;

/** Bytes of notes in each row. */
export const NOTES_BYTES = 2304;

/** Maximum wait for the end of a worker's section, in ms. Loading koffi takes about 5, opening a port 2. */
const BUSY_MS_MAX = 2000;

/** Interval at which a held thread checks whether it is released, in ms. */
const HELD_CHECK_MS = 100;

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

/** The table in this thread, which all copies of the package in it share. */
interface OwnTable {
  readonly memory: SharedArrayBuffer;
  /** Whether another thread made the table, and guards this one. */
  readonly watched: boolean;
}

function openTable(): OwnTable {
  const inherited = getEnvironmentData(ENVIRONMENT_NAME) as unknown;
  const shared = inherited instanceof SharedArrayBuffer && inherited.byteLength === BYTES;
  const memory = shared ? inherited : new SharedArrayBuffer(BYTES);
  if (!shared) {
    setEnvironmentData(ENVIRONMENT_NAME, memory as unknown as string);
  }
  return { memory, watched: shared && !isMainThread };
}

const { memory, watched } = sharedByCopies(NAME, openTable);
const words = new Int32Array(memory, 0, ALL_HELD + 1);

function cell(column: number, row: number): number {
  return column * ROWS + row;
}

/** The row of a worker, which is given one if it has none; -1 if there is no room. */
function rowOf(thread: number): number {
  const rows = Array.from({ length: ROWS_TRIED }, (_, step) => (thread + step) % ROWS);
  const has = rows.find((row) => Atomics.load(words, cell(OWNER, row)) === thread);
  return has ?? rows.find((row) => claim(row, thread)) ?? -1;
}

/** The worker and the thread that has started it may look for its row at the same time. */
function claim(row: number, thread: number): boolean {
  const owner = Atomics.compareExchange(words, cell(OWNER, row), 0, thread);
  return owner === 0 || owner === thread;
}

/** This thread's row; -1 if no thread guards it. */
const ownRow = watched ? rowOf(threadId) : -1;

/** Memory for this thread's open resources; undefined if no thread would read it. */
export function ownNotes(): Int8Array | undefined {
  return ownRow < 0 ? undefined : notesIn(ownRow);
}

function notesIn(row: number): Int8Array {
  return new Int8Array(memory, NOTES_OFFSET + row * NOTES_BYTES, NOTES_BYTES);
}

let depth = 0;

/**
 * Calls a function that the termination of this thread must not interrupt. If the thread is being terminated already,
 * this waits, and the thread ends during that wait.
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
    Atomics.wait(words, cell(HELD, ownRow), 1, HELD_CHECK_MS);
  }
}

/** Both sides write before they read, so at least one sees the other. */
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

/**
 * Guards a worker that this thread has started. Returns the memory for its resources; undefined if there is no room.
 */
export function adoptWorker(thread: number): Int8Array | undefined {
  const row = rowOf(thread);
  if (row < 0) {
    return undefined;
  }
  // The main thread's number is 0, like that of no parent, because no thread outlives it.
  Atomics.store(words, cell(PARENT, row), threadId);
  return notesIn(row);
}

/** The rows of a worker and of its descendants. */
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

/** Returns once a worker of this thread and its descendants can be terminated, and keeps them so. */
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
      // The worker has died in the section, or koffi could not be loaded: do not wait for it again.
      Atomics.store(words, cell(BUSY, row), 0);
    }
  }
}

/** Removes a dead worker and its descendants. Calls `bury` with the number and the notes of each. */
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
