/** Handlers, shared by all connections of a server, and how they are called: they are strangers. */

import { throwLater } from '../port/throw-later.js';
import type { CloseReason } from './close-reasons.js';
import type { Connection } from './connection.js';

/**
 * What a program wants to be told. Each may be missing, and may return a promise. One that throws or rejects ends its
 * connection with the reason `handler_error`; no other connection notices.
 */
export interface Handlers<Context = unknown, Message = unknown> {
  /** The connection is there. */
  open?(connection: Connection<Context>): unknown;
  /** Bytes have come. They are the caller's during the call only: copy what is to be kept. Writing them on copies nothing. */
  data?(connection: Connection<Context>, chunk: Buffer): unknown;
  /** With a framing, instead of `data`: a message has come. Its bytes are the caller's during the call only. */
  message?(connection: Connection<Context>, message: Message): unknown;
  /** After a `write` that returned false: at most half of the high-water mark waits to be sent. */
  drain?(connection: Connection<Context>): unknown;
  /** The peer has ended its stream; nothing more will come. */
  end?(connection: Connection<Context>): unknown;
  /** The server is closing and wants this connection to end. Without this handler it is ended as by `end()`. */
  shutdown?(connection: Connection<Context>): unknown;
  /** Something failed; `close` follows. Without it failures are counted, and what handlers throw is a process warning. */
  error?(connection: Connection<Context>, error: Error): unknown;
  /** The connection is over: the last call for it, once. */
  close?(connection: Connection<Context>, reason: CloseReason): unknown;
  /** @internal All that was written is sent: for a stream that waits for it. */
  flushed?(connection: Connection<Context>): unknown;
  /** @internal Our end is out: for a stream. */
  finished?(connection: Connection<Context>): unknown;
}

/** Told what a handler threw where its own connection has no `error`, or that one threw as well. */
export type HandlerErrorSink = (error: unknown) => void;

/** As `String`, which itself throws for an object that has no text, or whose own function throws. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

/** A warning on standard error, as Node does it for what nobody handles but what must not end the process. */
export const warnOfHandlerError: HandlerErrorSink = (error) => {
  process.emitWarning(error instanceof Error ? error : textOf(error), 'OverlappedHandlerWarning');
};

/** The same sink, which never throws: what it throws is nobody's whom it is told by, as these are in the middle of something. */
export function guarded(sink: HandlerErrorSink): HandlerErrorSink {
  return (error) => {
    try {
      sink(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  };
}

/** What was thrown, as an error. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`A handler threw what is no error: ${textOf(thrown)}`);
}
