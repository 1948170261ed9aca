/** A server, as its listening and its TLS see it. */

import type { SocketServer } from '../socket/state.js';

export interface ListeningServer extends SocketServer {
  readonly allowHalfOpen: boolean;
  readonly pauseOnConnect: boolean;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly highWaterMark?: number;
  readonly maxConnections?: number;
  readonly blockList?: { check(address: string, family: string): boolean };
}
