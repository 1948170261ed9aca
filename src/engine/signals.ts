/** Signals that a program passes: of this realm, of another one, or of a library that had them before Node. */

import { invalidType } from '../base/argument-errors.js';

/** Some signals of other libraries give no reason. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : signal.reason;
}

/** Any signal will do that can be listened to, also one of another realm. @throws TypeError `ERR_INVALID_ARG_TYPE` */
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
