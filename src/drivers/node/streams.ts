/**
 * Node's sockets under endpoints. Node reads into one buffer that all of them share (the option `onread`), so an idle
 * connection has none, and nothing is read ahead into a stream. Writes go to `_write`, which the stream itself calls:
 * one is in flight at a time, so its queue is not needed.
 */

import { ownNet } from '../../base/own-net.js';
import type { Endpoint } from './endpoint.js';
import { ECONNRESET, numberOfError } from './errors.js';
import type { NodeStream, OnWritten, Piece } from './handles.js';

const ENDPOINT = Symbol('endpoint');

/** A stream that was made here. */
type Owned = NodeStream & { [ENDPOINT]: Endpoint };

type StreamClass = new (options: object) => Owned;

// Node calls these functions with the stream as `this`, so no connection needs functions of its own.

function onChunk(this: Owned, byteLength: number): boolean {
  const endpoint = this[ENDPOINT];
  return endpoint.owner.received(endpoint, byteLength);
}

function onEnd(this: Owned): void {
  const endpoint = this[ENDPOINT];
  endpoint.owner.ended(endpoint);
}

function onError(this: Owned, error: NodeJS.ErrnoException): void {
  const endpoint = this[ENDPOINT];
  endpoint.owner.failed(endpoint, numberOfError(error, ECONNRESET));
}

function onConnect(this: Owned): void {
  const endpoint = this[ENDPOINT];
  endpoint.owner.connected(endpoint);
}

/** Makes the stream of an endpoint, of its handle if it has one. Nothing is read until `read`. */
export function makeStream(endpoint: Endpoint, landing: Uint8Array): NodeStream {
  const { handle } = endpoint;
  const stream = new (ownNet.Socket as unknown as StreamClass)({
    allowHalfOpen: true,
    manualStart: true,
    onread: { buffer: landing, callback: onChunk },
    ...(handle === undefined ? {} : { handle }),
  });
  stream[ENDPOINT] = endpoint;
  stream.on('end', onEnd);
  stream.on('error', onError);
  endpoint.stream = stream;
  endpoint.handle = undefined;
  return stream;
}

/** Begins to connect the stream. Once connected, it does not read by itself. */
export function connectStream(
  stream: NodeStream,
  to: { readonly path: string } | { host: string; port: number },
): void {
  stream.pause();
  stream.once('connect', onConnect);
  stream.connect(to);
  stream._handle?.unref();
}

/** Writes pieces in one call. Node keeps them until the call has ended. */
export function writeAll(stream: NodeStream, views: readonly Uint8Array[], onWritten: OnWritten): void {
  const pieces: Piece[] & { allBuffers?: boolean } = views.map((chunk) => ({ chunk, encoding: 'buffer' as const }));
  pieces.allBuffers = true;
  stream._writev(pieces, onWritten);
}

/** Closes the stream: with a reset, or with an end. Unsent bytes are dropped. */
export function destroyStream(stream: NodeStream, reset: boolean): void {
  if (!reset || stream.destroyed || stream._handle?.reset === undefined) {
    stream.destroy();
  } else if (stream.writableEnded && !stream.writableFinished) {
    // libuv refuses to reset a connection while it sends the end.
    stream.once('finish', () => stream.resetAndDestroy());
  } else {
    stream.resetAndDestroy();
  }
}
