/** Facts that the engine has about a socket or server of `overlapped/net`, and that `node:net` does not offer. */

import type nodeNet from 'node:net';
import type { Connection } from '../engine/connection.js';
import { type ServerStatistics, serverStatistics } from '../engine/statistics.js';
import { type NetServer, SERVER_STATE } from './server/methods.js';
import { type NetSocket, STATE } from './socket/state.js';

/**
 * The engine's connection of a socket: its close reason, counters and limits. It stays after the socket was destroyed.
 * Undefined before the socket is connected, and for a socket of Node's own. Read and write at the socket only.
 */
export function connectionOf(socket: nodeNet.Socket): Connection | undefined {
  const state = (socket as unknown as Partial<NetSocket>)[STATE];
  return state?.lastConnection;
}

/** Counts of the connections of a server since it began to listen; undefined unless it listens on the engine. */
export function statisticsOf(server: nodeNet.Server): ServerStatistics | undefined {
  const listening = (server as unknown as Partial<NetServer>)[SERVER_STATE]?.listening;
  return listening === undefined ? undefined : serverStatistics(listening.engine, listening.counters);
}
