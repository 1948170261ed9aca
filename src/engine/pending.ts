/** What is not finished when an engine is closed, and would wait for ever: a lookup that is awaited, a race of connects. */

import { OperationError } from '../drivers/error.js';

/** Told once when the engine closes. */
export interface Pending {
  engineClosed(): void;
}

/** The part of an engine that knows what is pending. */
interface Closable {
  readonly closed: boolean;
  readonly pending: Set<Pending>;
}

export function cancelledByClose(syscall: string): OperationError {
  return new OperationError({ code: 'ECANCELED', reason: 'The engine was closed', syscall });
}

/**
 * What the work resolves to, as long as the engine stays open until then; without an engine just that.
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
