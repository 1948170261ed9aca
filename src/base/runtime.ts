/**
 * What Node offers as globals, taken once when this is loaded: test runners replace timers and clocks for a test (node:test,
 * sinon, Jest, Vitest), and some of their environments lack globals of Node (jsdom, vm contexts). Sockets are real there
 * all the same. A test holds that no other file uses these globals.
 */

import { performance } from 'node:perf_hooks';
import timers from 'node:timers';
import v8 from 'node:v8';

/**
 * koffi needs the global, so it is there. Importing `node:process` instead would read `process.stdin`, which opens standard
 * input and makes it non-blocking: a program's own reads from descriptor 0 would fail with EAGAIN.
 */
export const { process } = globalThis;

export const { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;

/** ms since the process began, with fractions. Node's global `performance` is a getter, which costs more than the clock. */
export const performanceNow: () => number = performance.now.bind(performance);

/** No module of Node exports it, and nothing depends on which of the two comes first. */
export const queueMicrotask: (callback: () => void) => void =
  globalThis.queueMicrotask ?? process.nextTick.bind(process);

/** A copy, as a thread would get it. @throws what cannot be cloned */
export const structuredClone: (value: unknown) => unknown =
  globalThis.structuredClone ?? ((value) => v8.deserialize(v8.serialize(value)));
