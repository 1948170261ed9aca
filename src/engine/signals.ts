/** Signals that a program passes: of this realm, of another one, or of a library that had them before Node. */

import { OperationError } from '../base/errors.js';

/** Some signals of other libraries give no reason. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : signal.reason;
}

/** Any signal will do that can be listened to, also one of another realm. @throws its reason when it is aborted */
export function checkSignal(signal: AbortSignal | null | undefined): void {
  if (signal === undefined || signal === null) {
    return;
  }
  const { aborted, addEventListener, removeEventListener } = signal;
  if (
    typeof aborted !== 'boolean' ||
    typeof addEventListener !== 'function' ||
    typeof removeEventListener !== 'function'
  ) {
    const reason = `signal: expected an AbortSignal, got ${typeof signal}`;
    throw new OperationError({ code: 'ERR_INVALID_ARG_TYPE', reason, syscall: 'options' });
  }
  if (aborted) {
    throw abortReason(signal);
  }
}
