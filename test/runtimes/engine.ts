/**
 * The engine's tests for other runtimes, whose own test runners run this file. `OVERLAPPED_DRIVER` names the driver.
 * `OVERLAPPED_TOPICS=all` tests every topic that can be tested there; otherwise only those that take little time.
 */

import type { SystemDriverName } from 'overlapped/port';
import { engineSuite, type Topic } from '../engine/suite.js';

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

const usual = isFirst ? OF_THE_FIRST : OF_ALL_DRIVERS;
const topics = process.env.OVERLAPPED_TOPICS === 'all' ? ALL : usual;

engineSuite(driver, { multishot: isFirst, unixConnectWaits: isFirst }, {}, { topics });
