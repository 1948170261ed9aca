/** examples/win32-echo.ts: the seed's eleven steps on Windows' own calls. It runs in Wine, and its clients on Linux. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { connectNode, type NodeClient } from '../support/node-client.js';
import { WINE_START_MS, WineChild, wineHere } from '../support/wine.js';

const SOURCE = fileURLToPath(new URL('../../../examples/win32-echo.ts', import.meta.url));
const PROGRAM = 'dist/examples/win32-echo.js';
const LINES_MAX = 175;
const STEPS = 11;
const TIMEOUT_MS = 30_000;
const TRIES_MAX = 20;

/** The server's line for a connection that it closes. A client that was gone before it was accepted has none. */
const CLOSED = /^closed sockfd=\d+: (?!ACCEPT)/;
const RESET = /^closed sockfd=\d+: reset by the client/;

describe('examples/win32-echo.ts', () => {
  const source = readFileSync(SOURCE, 'utf8');

  test(`has at most ${LINES_MAX} lines, and uses the raw bindings only`, () => {
    assert.ok(source.trimEnd().split('\n').length <= LINES_MAX);
    const imports = [...source.matchAll(/\bfrom '(.*)'/g)].map((match) => match[1]);
    assert.deepEqual(imports, ['overlapped/win32']);
  });

  test('names each of the eleven steps in a comment', () => {
    const steps = [...source.matchAll(/^\s*\/\/ (\d+)\. [A-Z]/gm)].map((match) => Number(match[1]));
    assert.deepEqual(
      steps.sort((a, b) => a - b),
      Array.from({ length: STEPS }, (_, index) => index + 1),
    );
  });
});

describe('examples/win32-echo.ts in Wine', { skip: wineHere !== true && wineHere }, () => {
  let server: WineChild;
  let port = 0;

  before(
    async () => {
      server = new WineChild(PROGRAM, ['0']);
      port = Number((await server.says(/^listening on 0\.0\.0\.0:(\d+)\r?\n/))[1]);
    },
    { timeout: WINE_START_MS },
  );

  after(() => server.stop(), { timeout: TIMEOUT_MS });

  /** Lines of the server's output that fit. */
  const told = (pattern: RegExp): number => server.stdout.split('\n').filter((line) => pattern.test(line)).length;

  /** Sends data and an end; returns all bytes that are received up to the end. */
  async function echoesWhole(client: NodeClient, data: Buffer, sentBefore = ''): Promise<void> {
    client.socket.end(data);
    await eventually(() => client.closed, 'the end', TIMEOUT_MS);
    const sent = Buffer.concat([Buffer.from(sentBefore), data]);
    assert.deepEqual([client.code, client.ended, sha256(client.data)], [undefined, true, sha256(sent)]);
  }

  test('echoes message by message', { timeout: TIMEOUT_MS }, async () => {
    const client = await connectNode(port);
    for (let round = 1; round <= 50; round++) {
      client.socket.write('ping');
      await eventually(() => client.bytes === 4 * round, `echo ${round}`);
    }
    // Longer than the server waits for a completion.
    await sleep(1200);
    await echoesWhole(client, Buffer.from('pong'), 'ping'.repeat(50));
  });

  test('20 clients at once get 1 MB each echoed, beside silent clients', { timeout: TIMEOUT_MS }, async () => {
    const silent = await Promise.all(Array.from({ length: 15 }, () => connectNode(port)));
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectNode(port)));
    await Promise.all(clients.map((client) => echoesWhole(client, someBytes(1_000_000))));
    await Promise.all(silent.map((client) => echoesWhole(client, someBytes(100))));
  });

  test('a reset ends its own connection only', { timeout: TIMEOUT_MS }, async () => {
    const other = await connectNode(port);
    other.socket.write('before ');
    await eventually(() => other.bytes === 7, 'the echo');
    // Wine reports a reset that arrives while no receive is posted as an end of stream: an echo may arrive before the
    // next receive.
    for (let tries = 0; tries < TRIES_MAX && told(RESET) === 0; tries++) {
      const idle = await connectNode(port);
      idle.socket.write('garbage');
      await eventually(() => idle.bytes === 7, 'the echo');
      await sleep(50);
      const before = told(CLOSED);
      idle.socket.resetAndDestroy();
      await eventually(() => told(CLOSED) > before, 'the close');
    }
    assert.ok(told(RESET) > 0, 'ERROR_NETNAME_DELETED');
    for (let round = 0; round < 10; round++) {
      const busy = await connectNode(port);
      busy.socket.write(someBytes(1_000_000));
      await eventually(() => busy.bytes > 0, 'some of it');
      busy.socket.resetAndDestroy();
    }
    await echoesWhole(other, Buffer.from('after'), 'before ');
  });

  test('1,100 clients that reset at once, more than it has records, leak no record', {
    timeout: TIMEOUT_MS,
  }, async () => {
    // Fewer at a time than the listener's backlog, or Linux would wait a second before it tries again.
    for (let round = 0; round < 44; round++) {
      for (let index = 0; index < 25; index++) {
        (await connectNode(port)).socket.resetAndDestroy();
      }
      await echoesWhole(await connectNode(port), someBytes(100));
    }
  });

  test('every connection was closed, and nothing else went wrong', { timeout: TIMEOUT_MS }, async () => {
    // Its output arrives a little later.
    const closedMin = 1 + 20 + 15 + 12 + 44;
    await eventually(() => told(CLOSED) >= closedMin && told(CLOSED) === told(/^new client /), 'the last close');
    assert.doesNotMatch(server.stderr, /error/i);
  });
});
