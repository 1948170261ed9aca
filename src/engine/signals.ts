/** AbortSignals of the program: of this realm, of another one, or of a library that had them before Node. */

import { invalidType } from '../base/argument-errors.js';

/** The reason of an aborted signal. Some signals of other libraries have none. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : signal.reason;
}

/** Checks by its methods that a value is a signal: it may be of another realm. @throws TypeError `ERR_INVALID_ARG_TYPE` */
export function aSignal(name: string, signal: unknown): void {
  const { aborted, addEventListener, removeEventListener } = signal as Partial<AbortSignal>;
  if (
    typeof aborted !== 'boolean' ||
    typeof addEventListener !== 'function' ||
    typeof removeEventListener !== 'function'
  ) {
    throw invalidType(name, 'an AbortSignal', signal);
  }
}

/** @throws the reason of a signal that is aborted */
export function throwIfAborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted === true) {
    throw abortReason(signal);
  }
}

/** Calls back once when the signal aborts. @returns a function that stops listening to the signal */
export function onAbort(signal: AbortSignal | null | undefined, callback: (reason: unknown) => void): () => void {
  if (signal === undefined || signal === null) {
    return () => undefined;
  }
  const aborted = (): void => callback(abortReason(signal));
  signal.addEventListener('abort', aborted, { once: true });
  return () => signal.removeEventListener('abort', aborted);
}

/** Resolves to the result of the work. @throws the reason of the signal as soon as it aborts; what the work fails with */
export function unlessAborted<T>(signal: AbortSignal | null | undefined, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, reject);
    work.then(resolve, reject).finally(stop);
  });
}
