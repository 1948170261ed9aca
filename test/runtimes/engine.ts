/**
 * The engine's tests for other runtimes, whose own test runners run this file. `OVERLAPPED_DRIVER` names the driver.
 * `OVERLAPPED_TOPICS=all` tests every topic that can be tested there; otherwise only those that take little time.
 */

import type { SystemDriverName } from 'overlapped/port';
import { engineSuite, type Topic } from '../engine/suite.js';
import { NODE_IN_DENO_CAPABILITIES, NODE_PEERS } from '../support/node-driver.js';

const driver = (process.env.OVERLAPPED_DRIVER ?? 'io_uring') as SystemDriverName;
const isFirst = driver === 'io_uring';

const OF_ALL_DRIVERS: readonly Topic[] = ['conversations', 'writing', 'memory'];

const OF_THE_FIRST: readonly Topic[] = [
  ...OF_ALL_DRIVERS,
  'servers',
  'connecting',
  'messages',
  'topics',
  'web streams',
  'async contexts',
];

/**
 * All but those that compare with the runtime's own net and http, start programs of Node, or need the errors of Node's
 * test runner.
 */
const ALL: readonly Topic[] = [
  ...OF_THE_FIRST,
  'ending',
  'what the peer sees',
  'pausing',
  'holding',
  'read ahead',
  'limits',
  'low-water marks',
  'socket options',
  'names',
  'paths',
  'iterating',
  'streams',
  'async handlers',
  'error reports',
];

/** Its addresses and paths are Deno's affair. */
const OF_NODE: readonly Topic[] = [...OF_ALL_DRIVERS, 'servers', 'paths'];

const usual = isFirst ? OF_THE_FIRST : driver === 'node' ? OF_NODE : OF_ALL_DRIVERS;
const topics = process.env.OVERLAPPED_TOPICS === 'all' ? ALL : usual;

if (driver === 'node') {
  engineSuite(driver, NODE_IN_DENO_CAPABILITIES, {}, { topics, peers: NODE_PEERS });
} else {
  engineSuite(driver, { multishot: isFirst, unixConnectWaits: isFirst }, {}, { topics });
}
