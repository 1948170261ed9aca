/** A mistake in the options of `listen`, `connect`, an engine or a framing is an error that names it, with Node's class and code. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type Connection, type ConnectOptions, connect, Engine, type ListenOptions, listen } from 'overlapped';
import { commands, delimited, fixedSize, lengthPrefixed } from 'overlapped/framing';
import { CompletionPort } from 'overlapped/port';
import { SimNetwork } from 'overlapped/sim';
import { editDistance, suggestionFor } from '../../src/base/suggest.js';

const driver = new SimNetwork({ clock: 'real' });
const engineOfSim = new Engine({ driver });
after(() => engineOfSim.close());

type Mistake = readonly [title: string, options: unknown, code: string, message: RegExp | string];

const nothing = (): undefined => undefined;

/** Options of `listen`, none of which gets as far as a driver. */
const MISTAKES: readonly Mistake[] = [
  ['no options', undefined, 'ERR_INVALID_ARG_TYPE', 'options: expected an object, got undefined'],
  ['null', null, 'ERR_INVALID_ARG_TYPE', 'options: expected an object, got null'],
  ['a number alone', 4567, 'ERR_INVALID_ARG_TYPE', 'options: expected an object, got 4567'],
  ['nothing in them', {}, 'ERR_INVALID_ARG_VALUE', /^port: expected a whole number from 0 to 65535, or a path/],
  [
    'a misspelt name',
    { idleTimeout: 5 },
    'ERR_INVALID_ARG_VALUE',
    'idleTimeout: there is no such option; did you mean timeouts.idleMs?',
  ],
  [
    'a limit outside its group',
    { queuedBytesMax: 5 },
    'ERR_INVALID_ARG_VALUE',
    'queuedBytesMax: there is no such option; did you mean limits.queuedBytesMax?',
  ],
  [
    "a name of node:net's",
    { maxConnections: 5 },
    'ERR_INVALID_ARG_VALUE',
    'maxConnections: there is no such option; did you mean limits.connectionsMax?',
  ],
  [
    'a misspelt limit',
    { limits: { conectionsMax: 5 } },
    'ERR_INVALID_ARG_VALUE',
    'limits.conectionsMax: there is no such option; did you mean limits.connectionsMax?',
  ],
  [
    'a time among the limits',
    { limits: { idleMs: 5 } },
    'ERR_INVALID_ARG_VALUE',
    'limits.idleMs: there is no such option; did you mean timeouts.idleMs?',
  ],
  ['a name like none', { colour: 'red' }, 'ERR_INVALID_ARG_VALUE', 'colour: there is no such option'],
  ['a handler that is text', { data: 'x' }, 'ERR_INVALID_ARG_TYPE', "data: expected a function, got 'x'"],
  ['text for a boolean', { noDelay: 'yes' }, 'ERR_INVALID_ARG_TYPE', "noDelay: expected true or false, got 'yes'"],
  ['a number for a boolean', { keepAlive: 1 }, 'ERR_INVALID_ARG_TYPE', 'keepAlive: expected true or false, got 1'],
  [
    'a number that is text',
    { timeouts: { idleMs: '5' } },
    'ERR_INVALID_ARG_TYPE',
    "timeouts.idleMs: expected a number from 0 to Infinity, got '5'",
  ],
  [
    'a count with a fraction',
    { limits: { acceptsPerRoundMax: 1.5 } },
    'ERR_OUT_OF_RANGE',
    'limits.acceptsPerRoundMax: expected a whole number from 1 to Infinity, got 1.5',
  ],
  ['a group that is a number', { limits: 5 }, 'ERR_INVALID_ARG_TYPE', 'limits: expected an object, got 5'],
  ['a port that is none', { port: 65_536 }, 'ERR_SOCKET_BAD_PORT', /^port: expected a whole number .*, got 65536$/],
  ['a port that is a word', { port: 'http' }, 'ERR_SOCKET_BAD_PORT', /^port: expected a whole number .*, got 'http'$/],
  ['a port that is an object', { port: {} }, 'ERR_INVALID_ARG_TYPE', /^port: expected a whole number .*, got {}$/],
  [
    'a framing that was not called',
    { framing: delimited, message: nothing },
    'ERR_INVALID_ARG_TYPE',
    /^framing: expected an object .*such as delimited\(\.\.\.\) returns, got \[Function: delimited\]$/,
  ],
  [
    'the name of a framing',
    { framing: 'lines' },
    'ERR_INVALID_ARG_TYPE',
    /^framing: .* delimited\(\) returns, got 'lines'$/,
  ],
  ['a framing without functions', { framing: {} }, 'ERR_INVALID_ARG_TYPE', /^framing: .*decode and encode, got {}$/],
  ['message without framing', { message: nothing }, 'ERR_INVALID_ARG_VALUE', /^message: expected a framing with it/],
  [
    'heartbeat without framing',
    { heartbeat: { ping: 'p' } },
    'ERR_INVALID_ARG_VALUE',
    /^heartbeat: expected a framing/,
  ],
  [
    'a heartbeat without ping',
    { framing: delimited(), heartbeat: {} },
    'ERR_INVALID_ARG_TYPE',
    /^heartbeat\.ping: expected a message, or a function/,
  ],
  [
    'a misspelt option of a heartbeat',
    { framing: delimited(), heartbeat: { ping: 'p', interval: 5 } },
    'ERR_INVALID_ARG_VALUE',
    'heartbeat.interval: there is no such option; did you mean intervalMs?',
  ],
  ['module without threads', { module: './x.js' }, 'ERR_INVALID_ARG_VALUE', /^module: expected threads with it/],
  ['threads without module', { threads: 2 }, 'ERR_INVALID_ARG_VALUE', /^module: expected it with threads/],
  ['threads that are text', { threads: '2' }, 'ERR_INVALID_ARG_TYPE', /^threads: expected a whole number .*, got '2'$/],
  [
    'a handler besides threads',
    { threads: 2, module: './x.js', data: nothing },
    'ERR_INVALID_ARG_VALUE',
    /^data: expected it in the object that the module exports/,
  ],
  [
    "a misspelt option of the threads' engines",
    { threads: 2, module: './x.js', engineOptions: { bufferCounts: 5 } },
    'ERR_INVALID_ARG_VALUE',
    'engineOptions.bufferCounts: there is no such option; did you mean bufferCount?',
  ],
  ['a number as the driver', { driver: 5 }, 'ERR_INVALID_ARG_TYPE', /^driver: expected 'auto', .* or 'node', got 5$/],
  ['a driver that there is not', { driver: 'kqueue' }, 'ERR_INVALID_ARG_VALUE', /^driver: expected .*, got 'kqueue'$/],
  ['an object as the engine', { engine: {} }, 'ERR_INVALID_ARG_TYPE', /^engine: expected an Engine .*, got {}$/],
  [
    'an engine and a driver',
    { engine: engineOfSim, driver: 'auto' },
    'ERR_INVALID_ARG_VALUE',
    'driver: expected none with an engine, which has its own; give new Engine the driver',
  ],
  [
    'a delay that the system cannot count',
    { keepAliveInitialDelayMs: 40_000_000 },
    'ERR_OUT_OF_RANGE',
    'keepAliveInitialDelayMs: expected a number from 0 to 32767000, got 40000000',
  ],
  [
    "another name of node:net's",
    { keepAliveInitialDelay: 5000 },
    'ERR_INVALID_ARG_VALUE',
    'keepAliveInitialDelay: there is no such option; did you mean keepAliveInitialDelayMs?',
  ],
  [
    'a time-out with a fraction',
    { userTimeoutMs: 1.5 },
    'ERR_OUT_OF_RANGE',
    'userTimeoutMs: expected a whole number from 0 to 2147483647, got 1.5',
  ],
  [
    'an aborted flag as the signal',
    { signal: { aborted: true } },
    'ERR_INVALID_ARG_TYPE',
    /^signal: expected an AbortSignal/,
  ],
];

function classOf(code: string): string {
  return code === 'ERR_OUT_OF_RANGE' || code === 'ERR_SOCKET_BAD_PORT' ? 'RangeError' : 'TypeError';
}

describe('a mistake in the options of listen is named', () => {
  for (const [title, options, code, message] of MISTAKES) {
    test(title, () =>
      assert.rejects(listen(options as ListenOptions), { name: classOf(code), code, message }, String(message)),
    );
  }

  test('no argument at all', () =>
    assert.rejects((listen as unknown as () => Promise<unknown>)(), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    }));

  test('errors are rejections, and show their code as those of Node do', async () => {
    const listening = listen(undefined as unknown as ListenOptions);
    const error: unknown = await listening.then(nothing, (rejected: unknown) => rejected);
    assert(error instanceof TypeError);
    assert.match(error.stack ?? '', /^TypeError \[ERR_INVALID_ARG_TYPE\]: options: /);
  });

  test('a long value is cut', () =>
    assert.rejects(listen({ port: 'x'.repeat(10_000) }), ({ message }: Error) => message.length < 200));
});

describe('a mistake in the options of connect is named', () => {
  const cases: readonly Mistake[] = [
    ['no options', undefined, 'ERR_INVALID_ARG_TYPE', 'options: expected an object, got undefined'],
    [
      'an option of listen only',
      { port: 1, limits: { connectionsMax: 5 } },
      'ERR_INVALID_ARG_VALUE',
      'limits.connectionsMax: it is an option of listen, not of connect',
    ],
    ['the old name of a time', { connectTimeoutMs: 5 }, 'ERR_INVALID_ARG_VALUE', /did you mean timeouts\.connectMs\?$/],
    ['a delay that is too short', { attemptDelayMs: 5 }, 'ERR_OUT_OF_RANGE', /^attemptDelayMs: .* 10 to 2000, got 5$/],
  ];
  for (const [title, options, code, message] of cases) {
    test(title, () => assert.rejects(connect(options as ConnectOptions), { name: classOf(code), code, message }));
  }
});

describe('a mistake in the options of an engine or a port is named', () => {
  const make = (options: unknown) => () => new Engine(options as object);

  test('a cap under the name of a connection', () => {
    assert.throws(make({ queuedBytesMax: 5 }), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: 'queuedBytesMax: there is no such option; did you mean engineQueuedBytesMax?',
    });
  });

  test('a number that is text, a number out of range, and no object', () => {
    assert.throws(make({ bufferCount: '8' }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make({ bufferCount: 0 }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    assert.throws(make({ submissionEntries: 9 }), { name: 'RangeError', message: /a power of two, got 9/ });
    assert.throws(make({ onHandlerError: 'log' }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make(null), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => CompletionPort.create({ buffers: 8 } as object), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});

describe('a mistake in the options of a framing is named', () => {
  test('the delimiter alone', () =>
    assert.throws(() => delimited('\r\n' as never), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: "options: expected an object such as { delimiter: '\\r\\n' }, got '\\r\\n'",
    }));

  test('a misspelt name, a number that is text, and a wrong choice', () => {
    assert.throws(() => delimited({ delimeter: ';' } as object), { message: /did you mean delimiter\?$/ });
    assert.throws(() => delimited({ delimiter: 5 as never }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => fixedSize('4' as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => lengthPrefixed(4 as never), { message: /such as { lengthSize: 4 }/ });
    assert.throws(() => lengthPrefixed({ order: 'network' as never }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => commands({ counts: 'all' as never }), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('what counts as options', () => {
  const engine = new Engine({ driver, bufferCount: 8 });
  after(() => engine.close());
  const where = { engine, host: '127.0.0.1', port: 0 };

  async function accepts(options: ListenOptions): Promise<void> {
    const server = await listen(options);
    await server.close({ deadlineMs: 0 });
  }

  test('a port that is text, as with node:net', async () => {
    await accepts({ ...where, port: '0' });
  });

  test('an object without a prototype, and a frozen one', async () => {
    await accepts(Object.assign(Object.create(null), where, { limits: Object.create(null) }));
    await accepts(Object.freeze({ ...where, timeouts: Object.freeze({ idleMs: 5 }) }));
  });

  test('undefined and null count as missing, also under unknown names', () =>
    accepts({ ...where, limits: null, timeouts: undefined, framing: null, tls: undefined } as never));

  test('getters, and values that are inherited', async () => {
    const options = {
      ...where,
      get limits() {
        return { connectionsMax: 5 };
      },
    };
    await accepts(options);
    await accepts(Object.create(options));
    await assert.rejects(listen(Object.create({ ...where, noDelay: 5 })), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('an object of a class, with methods as handlers and properties of its own', async () => {
    class Echo implements ListenOptions {
      readonly engine = engine;
      readonly host = '127.0.0.1';
      readonly port = 0;
      readonly greeting = 'hello';
      #opened = 0;

      open(connection: Connection): void {
        this.#opened++;
        connection.end(`${this.greeting} ${this.#opened}`);
      }
    }
    const server = await listen(new Echo());
    const { port } = server.address as { port: number };
    const texts: string[] = [];
    for await (const chunk of await connect({ ...where, port })) {
      texts.push(String(chunk));
    }
    assert.equal(texts.join(''), 'hello 1');
    await server.close();
  });
});

describe('suggestions', () => {
  test('edit distance counts insertions, deletions, replacements and swaps', () => {
    assert.deepEqual(
      [
        ['port', 'port'],
        ['prot', 'port'],
        ['por', 'port'],
        ['sport', 'port'],
        ['part', 'port'],
        ['', 'port'],
      ].map(([from, to]) => editDistance(from as string, to as string)),
      [0, 1, 1, 1, 1, 4],
    );
  });

  test('a name that begins another one suggests it; a strange or a long one suggests nothing', () => {
    const known = new Map([
      ['highWaterMarkBytes', 'limits.highWaterMarkBytes'],
      ['port', 'port'],
    ]);
    assert.equal(suggestionFor('highWater', known), 'limits.highWaterMarkBytes');
    assert.equal(suggestionFor('PORT', known), 'port');
    assert.equal(suggestionFor('colour', known), undefined);
    assert.equal(suggestionFor('x'.repeat(1_000_000), known), undefined);
  });
});
