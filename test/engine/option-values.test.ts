/** Any value of any option of `listen`, `connect` and an engine is taken, or refused with a code: none fails inside. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConnectOptions, connect, Engine, type ListenOptions, listen } from 'overlapped';
import { SimNetwork } from 'overlapped/sim';
import { collectingUncaught } from '../support/uncaught.js';

const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  '0': 0,
  '-1': -1,
  '1.5': 1.5,
  '1e308': 1e308,
  Infinity,
  '-Infinity': -Infinity,
  'an empty text': '',
  'a text': 'x',
  'a number as text': '5',
  true: true,
  false: false,
  'a BigInt': 5n,
  'a symbol': Symbol('s'),
  'a function': () => 1,
  'an object': {},
  'an array': [],
  'an object without a prototype': Object.create(null),
  'an object whose text throws': {
    toString(): string {
      throw new Error('No text');
    },
  },
};

const CONNECTION = [
  ...[
    'noDelay',
    'keepAlive',
    'keepAliveInitialDelayMs',
    'userTimeoutMs',
    'sendBufferBytes',
    'receiveBufferBytes',
    'allowHalfOpen',
    'limits',
    'timeouts',
  ],
  ...['host', 'port', 'path', 'family', 'hints', 'lookup', 'engine', 'driver', 'framing', 'heartbeat'],
  ...['open', 'data', 'message', 'drain', 'end', 'error', 'close', 'serverClosing'],
  ...['highWaterMarkBytes', 'queuedBytesMax', 'heldBytesMax', 'roundBytesMax', 'messagesPerRoundMax'].map(inLimits),
  ...['idleMs', 'firstByteMs', 'messageMs', 'writeStallMs', 'halfClosedMs', 'shutdownMs', 'lingerMs'].map(inTimeouts),
];
const LISTEN = [
  ...['ipv6Only', 'reusePort', 'backlog', 'onListenError', 'threads'],
  ...['connectionsMax', 'connectionsPerAddressMax', 'acceptsPerRoundMax'].map(inLimits),
  ...['topicsPerConnectionMax', 'topicsMax', 'topicBytesMax'].map(inLimits),
];
const CONNECT = ['signal', 'context', 'attemptDelayMs', inTimeouts('connectMs')];
const ENGINE = [
  ...['driver', 'engineQueuedBytesMax', 'engineHeldBytesMax', 'bufferCount', 'bufferSizeBytes', 'operationsMax'],
  ...['submissionEntries', 'poisonReleasedBuffers', 'onHandlerError'],
];

function inLimits(name: string): string {
  return `limits.${name}`;
}

function inTimeouts(name: string): string {
  return `timeouts.${name}`;
}

/** An option with a value, in its group if its name has one. */
function optionOf(name: string, value: unknown): object {
  const [group, member] = name.split('.');
  return member === undefined ? { [name]: value } : { [group as string]: { [member]: value } };
}

/** How an attempt ended: `taken`, or the code with which it was refused. */
async function outcomeOf(attempt: () => Promise<{ close?: unknown; destroy?: unknown }>): Promise<string> {
  try {
    const made = await attempt();
    if (typeof made.destroy === 'function') {
      made.destroy();
    } else if (typeof made.close === 'function') {
      await made.close({ deadlineMs: 0 });
    }
    return 'taken';
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return code !== undefined && /^(?:OperationError|TypeError|RangeError)$/.test(name) ? code : `${name}: ${message}`;
  }
}

/** Tries each value of each option; the outcomes that are neither `taken` nor a code. */
async function failures(
  names: readonly string[],
  attempt: (option: object) => Promise<{ close?: unknown; destroy?: unknown }>,
): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    for (const [what, value] of Object.entries(VALUES)) {
      const outcome = await outcomeOf(() => attempt(optionOf(name, value)));
      if (!/^(?:taken|E[A-Z_]+)$/.test(outcome)) {
        found.push(`${name}: ${what}: ${outcome}`);
      }
    }
  }
  return found;
}

describe('random values of options', () => {
  const driver = new SimNetwork({ clock: 'real' });
  const lookup: ConnectOptions['lookup'] = (_hostname, _options, done) => done(null, '127.0.0.1', 4);
  const base = { driver: driver as never, host: '127.0.0.1', lookup };

  test('listen accepts them or names the mistake', { timeout: 60_000 }, () =>
    collectingUncaught(async (uncaught) => {
      const found = await failures([...CONNECTION, ...LISTEN], (option) =>
        listen({ ...base, port: 0, ...option } as ListenOptions),
      );
      assert.deepEqual([found, uncaught], [[], []]);
    }),
  );

  test('connect accepts them or names the mistake', { timeout: 60_000 }, () =>
    collectingUncaught(async (uncaught) => {
      const server = await listen({ ...base, port: 0 });
      const { port } = server.address as { port: number };
      const found = await failures([...CONNECTION, ...CONNECT], (option) =>
        connect({ ...base, port, timeouts: { connectMs: 1000 }, ...option }),
      );
      await server.close({ deadlineMs: 0 });
      assert.deepEqual([found, uncaught], [[], []]);
    }),
  );

  test('an engine accepts them or names the mistake', { timeout: 60_000 }, async () => {
    const found = await failures(ENGINE, async (option) => {
      const engine = new Engine({ driver, bufferCount: 8, ...option });
      engine.close();
      return {};
    });
    assert.deepEqual(found, []);
  });

  test('arguments that are no options object are rejected', async () => {
    for (const value of [...Object.values(VALUES)].filter((value) => typeof value !== 'object' || value === null)) {
      for (const start of [listen, connect] as const) {
        await assert.rejects((start as (options: never) => Promise<unknown>)(value as never), {
          code: 'ERR_INVALID_ARG_TYPE',
        });
      }
    }
  });
});
