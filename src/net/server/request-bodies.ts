/**
 * Bodies of http requests. Node's parser reads from a handle by itself, and runs what `process.nextTick` and promises have queued
 * after each part of a body. From another stream it parses inside a listener, and a whole request is there before any of that
 * runs: a request that the program has paused would be dumped, with the rest of its body, when the response is finished.
 */

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { process } from '../../base/runtime.js';
import { runQueued } from '../call.js';
import { STATE } from '../socket/state.js';

/** A method that only servers of http have. */
interface HttpServer {
  readonly closeIdleConnections?: unknown;
}

type Request = Pick<IncomingMessage, 'method'> & {
  readonly socket: { readonly [STATE]?: unknown; pause(): unknown } | null;
};

interface Http {
  readonly IncomingMessage: { readonly prototype: object };
}

const push = Readable.prototype.push as (this: unknown, chunk: unknown, encoding?: BufferEncoding) => boolean;

let mended = false;

function pushPart(this: Request, chunk: unknown, encoding?: BufferEncoding): boolean {
  const goesOn = push.call(this, chunk, encoding);
  const { socket } = this;
  // A response has no method, and a client's parser never reads by itself.
  if (chunk === null || this.method === null || socket?.[STATE] === undefined) {
    return goesOn;
  }
  if (!goesOn) {
    // Before the program may resume it.
    socket.pause();
  }
  runQueued();
  return true;
}

/** Makes the requests of an http server behave as on sockets of Node. It replaces a method, once in each thread. */
export function mendRequests(server: object): void {
  if (mended || typeof (server as HttpServer).closeIdleConnections !== 'function') {
    return;
  }
  mended = true;
  const { IncomingMessage } = process.getBuiltinModule('node:http') as unknown as Http;
  Object.defineProperty(IncomingMessage.prototype, 'push', { value: pushPart, writable: true, configurable: true });
}
