/**
 * The same over TLS: each server has the same certificate (P-256, signed by an authority), and the load agrees with all of
 * them on TLS 1.3, TLS_AES_256_GCM_SHA384 and X25519.
 */

import { C_TLS, NODE_TLS } from '../contender.js';
import type { Scenario } from './scenario.js';
import { countText, echoWork, HANDSHAKING, handshakesWork, SMALL_BYTES } from './works.js';

const CONTENDERS = ['engine:io_uring', 'engine:epoll', NODE_TLS, 'bun', C_TLS];

const IDLE_CONNECTIONS = 5000;
const IDLE_CONNECTIONS_QUICK = 2000;

function tls(
  name: string,
  title: string,
  shape: Pick<Scenario, 'role' | 'unit' | 'work'> & Partial<Scenario>,
): Scenario {
  return { name, title: () => `TLS: ${title}`, tls: true, contenders: CONTENDERS, ...shape };
}

const echo = (connections: number): Scenario =>
  tls(`tls-echo-${connections}`, `ping-pong of ${SMALL_BYTES} bytes, ${connections} connections`, {
    role: 'tls-echo',
    unit: 'message',
    work: () => echoWork(connections, SMALL_BYTES),
  });

const handshakes = (name: string, title: string, resumes: boolean): Scenario =>
  tls(name, `${title}, ${HANDSHAKING} at a time; with half a processor`, {
    role: 'tls-echo',
    unit: 'connection',
    warmsUpSlowly: true,
    sharesProcessor: true,
    work: () => handshakesWork(resumes),
  });

const idleConnections = (quick: boolean): number => (quick ? IDLE_CONNECTIONS_QUICK : IDLE_CONNECTIONS);

export const TLS_SCENARIOS: readonly Scenario[] = [
  echo(50),
  echo(500),
  tls('tls-bulk-in', 'bytes into the server, one stream', {
    role: 'tls-sink',
    unit: 'byte',
    warmsUpSlowly: true,
    renews: true,
    work: () => ({ kind: 'bulk-in', streams: 1 }),
  }),
  tls('tls-bulk-out', 'bytes out of the server, one stream', {
    role: 'tls-source',
    unit: 'byte',
    warmsUpSlowly: true,
    renews: true,
    work: () => ({ kind: 'bulk-out', streams: 1 }),
  }),
  handshakes('tls-handshakes', 'full handshakes of connections that echo one message', false),
  handshakes('tls-resumed', 'resumed sessions of connections that echo one message', true),
  tls('tls-idle', '', {
    title: (quick) => `TLS: memory of ${countText(idleConnections(quick))} idle connections`,
    role: 'tls-echo',
    unit: 'idle connection',
    roundsMax: 3,
    sideBySide: CONTENDERS.length,
    work: (quick) => ({ kind: 'idle', connections: idleConnections(quick), soonMs: 1000, lateMs: 15_000 }),
  }),
];
