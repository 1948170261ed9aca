/** Learns when a program observes the connects of `node:net` (`perf_hooks`): from then on the engine's connects make entries. */

import { PerformanceObserver } from 'node:perf_hooks';
import { observeConnects } from '../net/connecting/performance-entry.js';

type Options = { readonly type?: unknown; readonly entryTypes?: unknown } | null | undefined;

function wantsConnects(options: Options): boolean {
  return options?.type === 'net' || (Array.isArray(options?.entryTypes) && options.entryTypes.includes('net'));
}

export function watchObservers(): void {
  const prototype = PerformanceObserver.prototype as unknown as Record<'observe', (options: Options) => unknown>;
  const { observe } = prototype;
  prototype.observe = function observeMoved(options) {
    if (wantsConnects(options)) {
      observeConnects();
    }
    return Reflect.apply(observe, this, [options]);
  };
  Object.defineProperty(prototype.observe, 'name', { value: 'observe' });
}
