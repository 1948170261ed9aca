/**
 * Handlers of data and messages that return a promise: their chunk stays valid until it settles, and the connection delivers
 * nothing more before. Handlers that return nothing pay one comparison for this.
 */

import type { LentBuffer } from '../../base/lent-memory.js';
import { handlerFailed } from './handler-errors.js';
import type { HandlerName } from './handler-table.js';
import { stopSoon } from './held-memory.js';
import type { ConnectionRecord } from './record.js';
import { AWAITING, CLOSING, FIN_DEFERRED, PAUSED, PEER_FIN, RECEIVING } from './state.js';
import { beginAnew } from './timeouts.js';

/** Whether a handler has returned a promise, of whatever realm or library. */
export function isPromise(returned: unknown): returned is PromiseLike<unknown> {
  return (
    typeof returned === 'object' &&
    returned !== null &&
    typeof (returned as { readonly then?: unknown }).then === 'function'
  );
}

/** Delivers nothing more on the connection until the promise of a handler has settled. */
export function awaitHandler(connection: ConnectionRecord, promise: PromiseLike<unknown>, handler: HandlerName): void {
  const { engine } = connection.group;
  // The chunk, and messages in it, are views of this buffer; a message that arrived in parts has memory of its own.
  const { buffer, copiedBytes } = engine.delivery;
  buffer?.retain();
  engine.held.change(connection, copiedBytes);
  connection.messages?.countMemory();
  engine.delivery.handlersAwait = true;
  connection.flags |= AWAITING;
  stopSoon(connection);
  Promise.resolve(promise).then(
    () => settled(connection, buffer, copiedBytes),
    (error: unknown) => {
      handlerFailed(connection, error, handler);
      settled(connection, buffer, copiedBytes);
    },
  );
}

function settled(connection: ConnectionRecord, buffer: LentBuffer | undefined, copiedBytes: number): void {
  buffer?.release();
  connection.flags &= ~AWAITING;
  connection.group.engine.held.change(connection, -copiedBytes);
  connection.messages?.countMemory();
  const { flags, held, messages } = connection;
  if ((flags & (PAUSED | CLOSING)) === 0) {
    beginAnew(connection);
  }
  // With a receive in flight that brought nothing meanwhile, it needs no turn to go on. With TLS one may be in flight after
  // the peer's end, which is to be delivered.
  if (
    (flags & (RECEIVING | FIN_DEFERRED | PEER_FIN)) !== RECEIVING ||
    held !== undefined ||
    messages?.stopped === true
  ) {
    connection.group.engine.scheduler.resumeNext(connection);
  }
}
