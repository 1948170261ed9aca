/** All scenarios, in the order in which they are measured and reported. */

import { MESSAGE_BYTES } from '../servers/roles.js';
import { CORES_SCENARIOS } from './cores.js';
import { GROWTH_SCENARIOS } from './growth.js';
import { LIGHT_LOADS } from './light-load.js';
import { PROGRAM_SCENARIOS } from './programs.js';
import type { Scenario } from './scenario.js';
import { TLS_SCENARIOS } from './tls.js';
import { broadcastWork, CONNECTING, connectsWork, countText, echoWork, KIB, SMALL_BYTES } from './works.js';

interface EchoShape {
  readonly sizeBytes: number;
  readonly pipeline: number;
  readonly role: 'echo' | 'proxy';
  readonly wine: boolean;
}

/** Connections that each have `pipeline` messages in flight. */
function echo(name: string, title: string, connections: number, more: Partial<EchoShape> = {}): Scenario {
  const { sizeBytes = SMALL_BYTES, pipeline = 1, ...rest } = more;
  return {
    name,
    title: () => title,
    role: 'echo',
    unit: 'message',
    work: () => echoWork(connections, sizeBytes, { pipeline }),
    ...rest,
  };
}

/** Bytes in streams, as fast as possible. */
function streaming(
  streams: number,
  title: string,
  shape: Pick<Scenario, 'name' | 'role' | 'work' | 'notQuick'>,
): Scenario {
  return {
    title: () => `${title}, ${streams === 1 ? 'one stream' : `${streams} streams`}`,
    unit: 'byte',
    warmsUpSlowly: true,
    renews: true,
    ...shape,
  };
}

const bulkIn = (streams: number): Scenario =>
  streaming(streams, 'Bytes into the server', {
    name: `bulk-in-${streams}`,
    role: 'sink',
    work: () => ({ kind: 'bulk-in', streams }),
  });

const bulkOut = (streams: number): Scenario =>
  streaming(streams, 'Bytes out of the server', {
    name: `bulk-out-${streams}`,
    role: 'source',
    work: () => ({ kind: 'bulk-out', streams }),
  });

const framed = (streams: number): Scenario =>
  streaming(streams, 'Messages of 1 MiB after their length, into the server', {
    name: `framed-1m${streams === 1 ? '' : `-${streams}`}`,
    role: 'framed',
    notQuick: streams > 1,
    work: () => ({ kind: 'framed-in', streams }),
  });

function broadcast(name: string, manner: string, burst: number): Scenario {
  const members = (quick: boolean): number => (quick ? 1000 : 5000);
  return {
    name,
    title: (quick) =>
      `Messages of ${MESSAGE_BYTES} bytes to each of ${countText(members(quick))} connections, ${manner}`,
    role: 'broadcast',
    unit: 'delivery',
    work: (quick) => broadcastWork(members(quick), burst),
  };
}

const sparseConnections = (quick: boolean): number => (quick ? 2000 : 10_000);

const SPARSE: Scenario = {
  name: 'sparse',
  title: (quick) => `Ping-pong of 64 bytes on 1 % of ${countText(sparseConnections(quick))} connections`,
  role: 'echo',
  unit: 'message',
  work: (quick) => {
    const connections = sparseConnections(quick);
    return echoWork(connections, SMALL_BYTES, { active: connections / 100 });
  },
};

const idleConnections = (quick: boolean): number => (quick ? 6000 : 15_000);

const IDLE: Scenario = {
  name: 'idle',
  title: (quick) => `Memory of ${countText(idleConnections(quick))} idle connections`,
  role: 'echo',
  unit: 'idle connection',
  roundsMax: 3,
  sideBySide: 7,
  work: (quick) => ({ kind: 'idle', connections: idleConnections(quick), soonMs: 1000, lateMs: 15_000 }),
};

/**
 * A server that has half of a processor runs for some 4 ms at a time: CONNECTING connections are enough for it to always
 * have one to handle. With 50 the engine waits for the load within its time, polls, and takes 1.25 times the CPU.
 */
const CONNECT: Scenario = {
  name: 'connect',
  title: () => `Connections that are made, echo 64 bytes and end, ${CONNECTING} at a time; with half a processor`,
  role: 'echo',
  unit: 'connection',
  warmsUpSlowly: true,
  sharesProcessor: true,
  work: connectsWork,
};

export const SCENARIOS: readonly Scenario[] = [
  echo('ping-1', 'Ping-pong of 64 bytes, 1 connection', 1),
  echo('ping-50', 'Ping-pong of 64 bytes, 50 connections', 50),
  echo('ping-500', 'Ping-pong of 64 bytes, 500 connections', 500),
  echo('ping-5000', 'Ping-pong of 64 bytes, 5,000 connections', 5000),
  echo('pipeline', '16 messages of 64 bytes in flight on each of 50 connections', 50, { pipeline: 16 }),
  echo('message-4k', 'Messages of 4 KiB, 50 connections', 50, { sizeBytes: 4 * KIB }),
  echo('message-64k', 'Messages of 64 KiB, 50 connections', 50, { sizeBytes: 64 * KIB }),
  bulkIn(1),
  bulkIn(8),
  framed(1),
  framed(8),
  bulkOut(1),
  bulkOut(8),
  CONNECT,
  SPARSE,
  ...LIGHT_LOADS,
  broadcast('broadcast', 'one at a time', 1),
  broadcast('broadcast-8', '8 at a time, each written by itself', 8),
  echo('proxy', 'Ping-pong of 64 bytes through a proxy, 50 connections', 50, { role: 'proxy' }),
  IDLE,
  echo('wine-1', 'In Wine: ping-pong of 64 bytes, 1 connection', 1, { wine: true }),
  echo('wine-50', 'In Wine: ping-pong of 64 bytes, 50 connections', 50, { wine: true }),
];

/** Scenarios by their names, those of `--growth`, `--programs`, `--tls` and `cores-…` too; without names, all of `usual`. */
export function chosenScenarios(
  words: readonly string[] | undefined,
  usual: readonly Scenario[] = SCENARIOS,
): readonly Scenario[] {
  return words === undefined ? usual : words.map(scenarioOf);
}

function scenarioOf(word: string): Scenario {
  const named = [...SCENARIOS, ...TLS_SCENARIOS, ...CORES_SCENARIOS, ...PROGRAM_SCENARIOS];
  const found = [...named, ...GROWTH_SCENARIOS].find(({ name }) => name === word);
  if (found === undefined) {
    const names = named.map(({ name }) => name).join(', ');
    throw new Error(`Cannot choose a scenario: found ${word}, wanted one of ${names}`);
  }
  return found;
}
