/** Work that never settles after its engine is closed, unless it is ended: lookups, and races of connects. */

import { OperationError } from '../base/errors.js';

/** Called once when the engine closes. */
export interface Pending {
  engineClosed(): void;
}

/** The part of an engine that this file needs. */
interface Closable {
  readonly closed: boolean;
  readonly pending: Set<Pending>;
}

export function cancelledByClose(syscall: string): OperationError {
  return new OperationError({ code: 'ECANCELED', reason: 'The engine was closed', syscall });
}

/**
 * Resolves to the result of the work if the engine is still open by then. Without an engine it is the work itself.
 * @throws OperationError `ECANCELED` as soon as the engine is closed; what the work fails with
 */
export async function unlessClosed<T>(engine: Closable | undefined, syscall: string, work: Promise<T>): Promise<T> {
  if (engine === undefined) {
    return work;
  }
  const result = await new Promise<T>((resolve, reject) => {
    const waiting: Pending = { engineClosed: () => reject(cancelledByClose(syscall)) };
    engine.pending.add(waiting);
    work.then(resolve, reject).finally(() => engine.pending.delete(waiting));
  });
  // It may have been closed since the work was done, before this went on.
  if (engine.closed) {
    throw cancelledByClose(syscall);
  }
  return result;
}
