/** The load of unchanged programs: it measures right answers, and reports wrong ones. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { preloadOf, STOCK_NODE } from '../../bench/contender.js';
import { AnswerCheck, HttpExchange } from '../../bench/load/http.js';
import type { Sample, Work } from '../../bench/load/order.js';
import { CommandReader } from '../../bench/load/resp.js';
import { parseOptions } from '../../bench/options.js';
import { programTables } from '../../bench/report/programs.js';
import { tableOf } from '../../bench/report/tables.js';
import type { Cell, Results } from '../../bench/results.js';
import { PROGRAM_SCENARIOS } from '../../bench/scenarios/programs.js';
import { cell, sample } from '../support/bench-cells.js';
import { Child, type ChildResult } from '../support/child.js';
import { peerOf, runLoad } from '../support/load-peer.js';

const PROGRAMS = fileURLToPath(new URL('../../../bench/servers/programs/', import.meta.url));
const TIMEOUT_MS = 30_000;

const options = {
  skip: process.platform !== 'linux' && "it reads processes' times from Linux' /proc",
  timeout: 2 * TIMEOUT_MS,
  concurrency: true,
} as const;

const workOf = (name: string): Work => {
  const work = PROGRAM_SCENARIOS.find((scenario) => scenario.name === name)?.work(true);
  assert(work !== undefined, name);
  return work.kind === 'requests' ? { ...work, connections: 4 } : work;
};
const IDLE: Work = { kind: 'idle', connections: 50, soonMs: 100, lateMs: 300, body: 'Hello, world' };

const load = (t: TestContext, work: Work, port: number, pid = process.pid): Promise<ChildResult> =>
  runLoad(t, { work, port, pid, warmUpMs: 100, measureMs: 200 });

function checkSample({ exitCode, stdout, stderr }: ChildResult): Sample {
  assert.equal(exitCode, 0, stderr);
  const sample = JSON.parse(stdout) as Sample;
  assert(sample.units > 0 && sample.cpu.user + sample.cpu.system > 0, stdout);
  return sample;
}

const answerOf = (body: string, head = ''): string =>
  `HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;

describe('the load of programs', options, () => {
  for (const name of ['http-hello-50', 'http-json-50', 'http-light-2000']) {
    test(`measures ${name}`, options, async (t) => {
      const program = PROGRAM_SCENARIOS.find((scenario) => scenario.name === name)?.role;
      const server = new Child(`${PROGRAMS}${program}.js`, [], { timeoutMs: TIMEOUT_MS });
      t.after(() => server.kill());
      const [port] = await server.says(/\d+/);
      const { latency } = checkSample(await load(t, workOf(name), Number(port), server.process.pid));
      assert((latency?.p50 ?? 0) > 0);
    });
  }

  test('measures idle connections of HTTP', options, async (t) => {
    const server = new Child(`${PROGRAMS}http-idle.js`, [], { timeoutMs: TIMEOUT_MS });
    t.after(() => server.kill());
    const [port] = await server.says(/\d+/);
    const { idle } = checkSample(await load(t, IDLE, Number(port), server.process.pid));
    assert.deepEqual(Object.keys(idle ?? {}), ['soon', 'late']);
  });

  test('measures messages of a WebSocket', options, async (t) => {
    const port = await peerOf(t, echoFrames);
    checkSample(await load(t, workOf('ws-echo-50'), port));
  });

  test('measures the commands of a client of Redis', options, async (t) => {
    const port = await peerOf(t, (socket) => socket.once('data', (data) => beClient(Number(data), socket)));
    checkSample(await load(t, workOf('redis-client'), port));
  });
});

/** A WebSocket server that knows only short messages, which come whole. */
function echoFrames(socket: Socket): void {
  socket.once('data', (head) => {
    const [, key] = /sec-websocket-key: (\S+)/i.exec(head.toString()) ?? [];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('data', (frame) => {
      const mask = frame.subarray(2, 6);
      const message = frame.subarray(6).map((byte, index) => byte ^ (mask[index % 4] as number));
      socket.write(Buffer.concat([Buffer.from([0x82, message.length]), message]));
    });
  });
}

/** A client of Redis that sets and gets a key again and again. */
function beClient(port: number, owner: Socket): void {
  const commands = '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\na:1\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n';
  const client = connect(port, '127.0.0.1', () => client.write(commands));
  client.on('data', (replies) => {
    assert.equal(`${replies}`, '+OK\r\n$3\r\na:1\r\n');
    client.write(commands);
  });
  client.on('error', () => client.destroy());
  owner.on('close', () => client.destroy());
}

describe('the load reports a program that', options, () => {
  const WRONG: readonly (readonly [string, string, RegExp])[] = [
    ['answers another body', answerOf('Hello, World'), /^Wrong body: found "Hello, World", wanted "Hello, world"\n$/],
    ['answers too much', answerOf('Hello, world!'), /^Wrong length: found 13 and 13 bytes, wanted 12\n$/],
    ['sends more than an answer', `${answerOf('Hello, world')}!`, /^Wrong length: found 12 and 13 bytes, wanted 12\n$/],
    [
      'fails',
      answerOf('Hello, world').replace('200 OK', '500 No'),
      /^Wrong answer: found .*500 No.*, wanted status 200/,
    ],
    ['closes', answerOf('Hello, world', 'Connection: close\r\n'), /^Wrong answer: .*, wanted .* a kept connection\n$/],
  ];
  for (const [what, answer, wanted] of WRONG) {
    test(what, options, async (t) => {
      let answers = 0;
      const port = await peerOf(t, (socket) => {
        socket.on('data', () => socket.write(answers++ < 40 ? answerOf('Hello, world') : answer));
      });
      const { exitCode, stdout, stderr } = await load(t, workOf('http-hello-50'), port);
      assert.equal(exitCode, 1, stdout);
      assert.match(stderr, wanted);
    });
  }

  test('stops answering', options, async (t) => {
    const port = await peerOf(t, (socket) => {
      let requests = 0;
      socket.on('data', () => requests++ < 5 && socket.write(answerOf('Hello, world')));
    });
    const { stderr } = await load(t, workOf('http-hello-50'), port);
    assert.match(stderr, /^Server stalled: found 4 of 4 connections without an answer 5000 ms after/);
  });

  test('sends a wrong command', options, async (t) => {
    const port = await peerOf(t, (socket) =>
      socket.once('data', (data) => {
        connect(Number(data), '127.0.0.1')
          .on('error', () => undefined)
          .write('*1\r\n$8\r\nFLUSHALL\r\n');
      }),
    );
    const { stderr } = await load(t, workOf('redis-client'), port);
    assert.equal(stderr, 'Wrong command: found FLUSHALL, wanted SET or GET\n');
  });
});

test('an answer is complete however it is cut, and its date may change', () => {
  const first = Buffer.from(answerOf('Hello, world'));
  const second = Buffer.from(answerOf('Hello, world').replace('01 Jan', '31 Dec'));
  const exchange = new HttpExchange(new AnswerCheck('Hello, world'));
  for (const answer of [first, second]) {
    for (const pieceBytes of [1, 7, 50, answer.length]) {
      const whole: boolean[] = [];
      for (let place = 0; place < answer.length; place += pieceBytes) {
        whole.push(exchange.take(answer.subarray(place, place + pieceBytes)));
      }
      assert.deepEqual(
        whole,
        whole.map((_, index) => index === whole.length - 1),
        `pieces of ${pieceBytes} bytes`,
      );
    }
  }
});

test('commands are read however they are cut', () => {
  const commands = Buffer.from('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n');
  for (let pieceBytes = 1; pieceBytes <= commands.length; pieceBytes++) {
    const reader = new CommandReader();
    const found: (readonly string[])[] = [];
    for (let place = 0; place < commands.length; place += pieceBytes) {
      reader.add(commands.subarray(place, place + pieceBytes));
      for (let words = reader.next(); words !== undefined; words = reader.next()) {
        found.push(words);
      }
    }
    assert.deepEqual(found, [
      ['SET', 'key', ''],
      ['GET', 'key'],
    ]);
  }
  const reader = new CommandReader();
  reader.add(Buffer.from('PING\r\n'));
  assert.throws(() => reader.next(), /^Error: Wrong command: found byte 80, wanted 42$/);
});

test('--programs has its own scenarios and contenders', () => {
  const { plan, kind } = parseOptions(['--programs'], new AbortController().signal);
  assert.deepEqual(plan.scenarios, PROGRAM_SCENARIOS);
  assert.deepEqual(
    plan.contenders.map(({ name }) => name),
    [STOCK_NODE, preloadOf('io_uring'), preloadOf('epoll'), 'bun'],
  );
  assert.equal(kind, 'programs');
  const usual = parseOptions([], new AbortController().signal).plan;
  assert(usual.scenarios.every(({ unchanged }) => unchanged !== true));
  assert(usual.contenders.every(({ name }) => name !== STOCK_NODE));
});

test('the report compares a program with stock Node, and states missed targets in bold', () => {
  const hello = (contender: string, cpu: number): Cell =>
    cell(contender, 'http-hello-50', sample(100, cpu / 2, cpu / 2, { latency: { p50: cpu, p99: 2 * cpu } }));
  const names = [STOCK_NODE, preloadOf('io_uring'), preloadOf('epoll')];
  const results = {
    quick: false,
    contenders: names.map((name) => ({ name, title: name, version: '1' })),
    cells: names.map((name, index) => hello(name, [100, 60, 80][index] as number)),
  } as unknown as Results;
  const [table, ...others] = programTables(results);
  assert.deepEqual(others, []);
  assert.deepEqual(table?.rows, [
    ['`http-hello-50`, io_uring', '0.60 (≤ 0.70)', '0.60', '0.60', '-'],
    ['`http-hello-50`, epoll', '**0.80** (≤ 0.70)', '0.80', '0.80', '-'],
  ]);
  const [scenario] = PROGRAM_SCENARIOS;
  assert(scenario !== undefined);
  const { head, rows } = tableOf(results, scenario);
  assert.deepEqual(head.slice(0, 4), ['server', 'requests/s', 'CPU, µs per request', 'to stock Node']);
  assert.deepEqual(rows[1]?.slice(0, 4), [preloadOf('io_uring'), '100', '60.00', '0.60']);
});
