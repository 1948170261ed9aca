/** Programs of users, unchanged: on stock Node, with `overlapped/register`, and on Bun. */

import { PRELOADED_DRIVERS, preloadOf, STOCK_NODE } from '../contender.js';
import type { Protocol, Work } from '../load/order.js';
import type { Program } from '../servers/roles.js';
import type { Scenario } from './scenario.js';
import { countText, KIB, SMALL_BYTES } from './works.js';

const CONTENDERS = [STOCK_NODE, ...PRELOADED_DRIVERS.map(preloadOf), 'bun'];

/** The bodies of the programs' answers. */
const HELLO: Protocol = { name: 'http', body: 'Hello, world' };
const JSON_BODY = JSON.stringify({
  message: 'hello'.padEnd(141, '.'),
  items: Array.from({ length: 16 }, (_, id) => ({
    id,
    name: `item ${id}`,
    price: (id + 1) * 1.25,
    inStock: id % 3 !== 0,
  })),
});
const MESSAGES: Protocol = { name: 'websocket', sizeBytes: SMALL_BYTES };

const LIGHT_RATE = 2000;
/** The first warm-up of light load: nearly as much as stock Node can do, on connections that end and come anew. */
const WARM_UP_RATE = 8000;
const WARM_UPS = 5;
const LIGHT_MEASURE_MS = 600;
const IDLE_CONNECTIONS = 10_000;
const IDLE_CONNECTIONS_QUICK = 4000;

function program(
  name: string,
  role: Program,
  title: string,
  shape: Partial<Scenario> & Pick<Scenario, 'work'>,
): Scenario {
  return {
    name,
    role,
    title: () => title,
    unit: 'request',
    unchanged: true,
    warmsUpSlowly: true,
    contenders: CONTENDERS,
    ...shape,
  };
}

const requests = (protocol: Protocol, connections: number, perSecond?: number): Work => ({
  kind: 'requests',
  protocol,
  connections,
  ...(perSecond !== undefined && { perSecond }),
});

function http(role: Program, words: string, connections: number, protocol = HELLO): Scenario {
  return program(`${role}-${connections}`, role, `${words}, ${connections} connections`, {
    work: () => requests(protocol, connections),
  });
}

function https(connections: number): Scenario {
  const title = `node:https with a short answer, ${connections} connections`;
  return program(`https-hello-${connections}`, 'https-hello', title, {
    tls: true,
    work: () => requests(HELLO, connections),
  });
}

function webSocket(connections: number): Scenario {
  const title = `Messages of ${SMALL_BYTES} bytes echoed by the ws package, ${connections} connections`;
  return program(`ws-echo-${connections}`, 'ws-echo', title, {
    unit: 'message',
    work: () => requests(MESSAGES, connections),
  });
}

const idleConnections = (quick: boolean): number => (quick ? IDLE_CONNECTIONS_QUICK : IDLE_CONNECTIONS);

export const PROGRAM_SCENARIOS: readonly Scenario[] = [
  http('http-hello', 'node:http with a short answer', 50),
  http('http-hello', 'node:http with a short answer', 500),
  http('http-json', `node:http with ${JSON_BODY.length / KIB} KiB of JSON`, 50, { name: 'http', body: JSON_BODY }),
  http('express', 'express with a short answer', 50),
  http('fastify', 'fastify with a short answer', 50),
  https(50),
  https(500),
  webSocket(50),
  webSocket(500),
  program('redis-client', 'redis-client', 'Commands of the redis package (node-redis), 100 at a time, 1 connection', {
    unit: 'command',
    work: () => ({ kind: 'redis' }),
  }),
  program(
    'http-light-2000',
    'http-hello',
    `Light load: ${countText(LIGHT_RATE)} requests a second, evenly, 50 connections`,
    {
      measureMsMin: () => LIGHT_MEASURE_MS,
      work: () => requests(HELLO, 50, LIGHT_RATE),
      warmUpWorks: () => [
        ...Array.from({ length: WARM_UPS }, () => requests(HELLO, 50, WARM_UP_RATE)),
        requests(HELLO, 50, LIGHT_RATE),
      ],
    },
  ),
  program('http-idle', 'http-idle', '', {
    title: (quick) => `Memory of ${countText(idleConnections(quick))} idle connections of node:http`,
    unit: 'idle connection',
    roundsMax: 3,
    sideBySide: CONTENDERS.length,
    work: (quick) => ({
      kind: 'idle',
      connections: idleConnections(quick),
      soonMs: 1000,
      lateMs: 15_000,
      body: 'Hello, world',
    }),
  }),
];
