/** The handlers of a connection that a stream reads: those of the program are called for everything but its bytes. */

import type { Buffer } from 'node:buffer';
import { OperationError } from '../../base/errors.js';
import type { CloseReason } from '../close-reasons.js';
import type { HandlerName, HandlerTable } from '../connection-core/handler-table.js';
import { type ConnectionRecord, sideOf } from '../connection-core/record.js';
import { STREAMED } from '../connection-core/state.js';

/** The reader of the connection, if it has one. */
function readerOf({ flags, messages, handlers }: ConnectionRecord): string | undefined {
  if ((flags & STREAMED) !== 0) {
    return 'a stream that was made of it';
  }
  if (messages !== undefined) {
    return 'its framing';
  }
  return handlers.data === undefined ? undefined : 'its handler data';
}

function requireUnread(connection: ConnectionRecord): void {
  const reader = readerOf(connection);
  if (reader !== undefined) {
    const reason = `The connection has a reader already: ${reader}`;
    throw new OperationError({ code: 'ERR_ALREADY_READ', reason, syscall: 'read' });
  }
}

export abstract class StreamHandlers implements HandlerTable<ConnectionRecord> {
  /** The handlers of the program. */
  readonly #own: HandlerTable<ConnectionRecord>;

  /** Takes the place of the program's handlers. @throws OperationError `ERR_ALREADY_READ` when something reads the connection */
  constructor(connection: ConnectionRecord) {
    requireUnread(connection);
    this.#own = connection.handlers;
    connection.flags |= STREAMED;
    sideOf(connection).handlers = this;
  }

  /** Bytes were received. The stream may use them during the call only. */
  abstract data(connection: ConnectionRecord, chunk: Buffer): void;

  /** The peer has ended its side. The handler `end` of the program follows. */
  protected abstract peerEnded(): void;

  /** The connection is closed. The handler `close` of the program follows. */
  protected abstract closed(connection: ConnectionRecord): void;

  end(connection: ConnectionRecord): unknown {
    this.peerEnded();
    return this.#own.end?.(connection);
  }

  drain(connection: ConnectionRecord): unknown {
    return this.#own.drain?.(connection);
  }

  /** The stream goes on until it ends by itself: only the program knows whether an answer is in progress. */
  serverClosing(connection: ConnectionRecord): unknown {
    return this.#own.serverClosing?.(connection);
  }

  /** Without a handler of the program, only the stream gets the error. */
  error(connection: ConnectionRecord, error: Error, handler: HandlerName | undefined): unknown {
    return this.#own.error?.(connection, error, handler);
  }

  close(connection: ConnectionRecord, reason: CloseReason): unknown {
    this.closed(connection);
    return this.#own.close?.(connection, reason);
  }
}
