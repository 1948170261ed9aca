/**
 * Functions of libuv and of Node that the node binary exports for embedders and addons. Addresses are numbers.
 * libuv's interface is stable within version 1; `docs/event-loop.md` has the versions of Node that were seen.
 */

import { process, runtime } from '../../base/runtime.js';
import { type ForeignFunction, Library } from '../library.js';

export interface Libuv {
  /** The event loop of this thread: a `uv_loop_t *`. */
  readonly loop: number;
  /** The descriptor of the loop's epoll. */
  readonly uv_backend_fd: ForeignFunction;
  /**
   * How long the loop may sleep, in ms: 0 if it has something to do, such as registering a socket that it must watch, -1
   * without limit. By the loop's own time.
   */
  readonly uv_backend_timeout: ForeignFunction;
  /** Sets the loop's time. */
  readonly uv_update_time: ForeignFunction;
  /** How long the loop has slept so far, in ns. */
  readonly uv_metrics_idle_time: ForeignFunction;
}

/** The functions for the loop of this thread; undefined if the process does not export them (a static Node). */
export function openLibuv(): Libuv | undefined {
  // In Electron the loop of a user interface calls libuv, and must not wait for it. Bun exports these functions, but they
  // end the process, and Deno's loop is not libuv's.
  if (!/^1\./.test(process.versions.uv ?? '') || runtime !== 'node') {
    return undefined;
  }
  try {
    const library = new Library(null);
    // v8::Isolate::GetCurrent() and node::GetCurrentEventLoop(v8::Isolate *), by the names of the Itanium C++ ABI.
    const currentIsolate = library.declare('int64_t _ZN2v87Isolate10GetCurrentEv()');
    const currentLoop = library.declare('int64_t _ZN4node19GetCurrentEventLoopEPN2v87IsolateE(int64_t isolate)');
    const functions = {
      uv_backend_fd: library.declare('int uv_backend_fd(int64_t loop)'),
      uv_backend_timeout: library.declare('int uv_backend_timeout(int64_t loop)'),
      uv_update_time: library.declare('void uv_update_time(int64_t loop)'),
      uv_metrics_idle_time: library.declare('uint64_t uv_metrics_idle_time(int64_t loop)'),
    };
    const loop = currentLoop(currentIsolate());
    return loop === 0 ? undefined : { loop, ...functions };
  } catch {
    // koffi throws for a symbol that does not exist.
    return undefined;
  }
}
