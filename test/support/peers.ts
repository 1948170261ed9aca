/**
 * The other ends of connections under test, and what surrounds both: node:net and the operating system, or a simulated
 * network. The contract's tests use nothing else.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { OverlappedSocket } from 'overlapped/port';
import { WAIT_MS } from './harness.js';
import { connectNode, errnoOfRefusal, openNode } from './node-client.js';
import type { PeerClient, PeerSocket } from './peer-client.js';
import { system } from './system.js';

/** How the system probes a silent peer. */
export interface KeepAlive {
  readonly delayS: number;
  readonly intervalS: number;
  readonly probes: number;
}

export interface Peers {
  /** A socket that connects, to a port or to a Unix path. */
  open(where: number | string, host?: string): PeerSocket;
  /** A client that is connected. It stays half open when the peer ends. */
  connect(where: number | string, host?: string): Promise<PeerClient>;
  /** Node's number for ECONNREFUSED. */
  errnoOfRefusal(port: number): Promise<number | undefined>;
  /** Whether a Unix path is there. */
  hasPath(path: string): boolean;
  /** The bytes that the system allocates for each requested byte of a socket buffer. */
  readonly bufferFactor: number;
  /** The probes of a silent peer, as getsockopt returns them; absent if the system does not return them. */
  keepAliveOf?(socket: OverlappedSocket): KeepAlive;
  /** Descriptors or handles that this process has open. */
  descriptorsOpen(): number;
  /** Sends past the port, by the system's own call; urgent data is what Node has no call for. */
  sendByHand(socket: OverlappedSocket, data: string, how: 'usual' | 'urgent'): void;
}

export const nodePeers: Peers = {
  open: openNode,
  connect: connectNode,
  errnoOfRefusal,
  hasPath: existsSync,
  bufferFactor: system.bufferFactor,
  ...(system.keepAliveOf === undefined ? {} : { keepAliveOf: system.keepAliveOf }),
  descriptorsOpen: system.descriptorsOpen,
  sendByHand: system.sendByHand,
};

/** Whether a connect is refused. */
export async function isRefused(peers: Peers, port: number): Promise<boolean> {
  const socket = peers.open(port);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(WAIT_MS) });
    return false;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    return true;
  } finally {
    socket.destroy();
  }
}
