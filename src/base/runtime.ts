/**
 * Node's globals, read once when this module is loaded. Test runners replace timers and clocks during a test (node:test, sinon,
 * Jest, Vitest), and some of their environments lack Node's globals (jsdom, vm contexts), but the sockets in them are real. A
 * test makes sure that no other file uses these globals.
 */

import { performance } from 'node:perf_hooks';
import timers from 'node:timers';
import v8 from 'node:v8';

/**
 * koffi needs the global, so it exists. Importing `node:process` would read `process.stdin`, which opens standard input and
 * makes it non-blocking: the program's own reads from descriptor 0 would fail with EAGAIN.
 */
export const { process } = globalThis;

/** The runtime: one with Node's interface need not have libuv's event loop, V8, or OpenSSL. */
export type Runtime = 'node' | 'electron' | 'bun' | 'deno';

/** The runtime of this process. All of them have `process.versions.node`. */
export const runtime: Runtime =
  (['bun', 'deno', 'electron'] as const).find((name) => process.versions[name] !== undefined) ?? 'node';

export const RUNTIME_TITLES: Readonly<Record<Runtime, string>> = {
  node: 'Node',
  electron: 'Electron',
  bun: 'Bun',
  deno: 'Deno',
};

export const { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;

/** Milliseconds since the process started, with fractions. Node's global `performance` is a getter, which costs more than the clock. */
export const performanceNow: () => number = performance.now.bind(performance);

/** No module of Node exports it, and nothing here depends on the order of microtasks and `nextTick`. */
export const queueMicrotask: (callback: () => void) => void =
  globalThis.queueMicrotask ?? process.nextTick.bind(process);

/** A structured clone, as `postMessage` makes. @throws DataCloneError for values that cannot be cloned */
export const structuredClone: (value: unknown) => unknown =
  globalThis.structuredClone ?? ((value) => v8.deserialize(v8.serialize(value)));

/**
 * Runs what `process.nextTick` and promises have queued. Node's own timers and immediates call this function after each
 * callback (lib/internal/process/task_queues.js, `runNextTicks`). Undefined where it does not exist.
 */
export const runTicks: (() => void) | undefined = (process as { _tickCallback?: () => void } | undefined)
  ?._tickCallback;

/**
 * The file of the module whose `import.meta.url` is given, for `createRequire`. A bundle of CommonJS has no URL, but the name
 * of its file, which in a single executable is that of the executable.
 */
export function fileHere(url: string | undefined): string {
  return url ?? (typeof __filename === 'string' ? __filename : process.execPath);
}
