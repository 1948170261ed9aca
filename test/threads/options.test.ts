/** Options of a server on many threads, and of the module that they load: a mistake is named before a thread starts, or by it. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connect } from 'overlapped';
import { listen } from '../support/bundle.js';
import { programPath } from '../support/child.js';

const TIMEOUT = { timeout: 60_000 };
const HANDLERS = programPath('echo-handlers');

test('options that cannot be cloned for a thread are rejected', TIMEOUT, async () => {
  const refused = (options: object): Promise<void> =>
    assert.rejects(
      listen({ port: 0, threads: 2, module: HANDLERS, ...options }),
      { code: /^ERR_(?:INVALID_ARG_(?:TYPE|VALUE)|OUT_OF_RANGE)$/ },
      JSON.stringify(options),
    );
  await refused({ data: () => undefined });
  await refused({ threadData: () => undefined });
  await refused({ framing: { decode: () => undefined } });
  await refused({ engine: {} });
  await refused({ driver: {} });
  await refused({ engineOptions: { onHandlerError: () => undefined } });
  await refused({ reusePort: true });
  await refused({ distribution: 'fair' });
  await refused({ threads: 0 });
  await refused({ threads: 1.5 });
  await refused({ module: 5 });
  await refused({ heartbeat: { ping: 'p' } });
  await refused({ execArgv: '--trace-warnings' });
  await refused({ resourceLimits: 5 });
});

test('a mistake in what the module exports is named, with its class', TIMEOUT, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'overlapped-module-'));
  const rejects = (name: string, exported: string, expected: object): Promise<void> => {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, `export default ${exported};\n`);
    return assert.rejects(listen({ host: '127.0.0.1', port: 0, threads: 1, module: pathToFileURL(file) }), expected);
  };
  try {
    await rejects('handler', "{ data: 'x' }", {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: "data: expected a function, got 'x'",
    });
    await rejects('limit', '{ limits: { roundBytesMax: 0.5 } }', { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    await rejects('elsewhere', '{ port: 80 }', { message: 'port: expected it in the options of listen' });
    await rejects('nothing', 'undefined', {
      name: 'TypeError',
      message: /^module: expected the default export of .*undefined$/,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a module's object may be of a class, with fields that its handlers use", TIMEOUT, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'overlapped-module-'));
  const file = join(folder, 'class.mjs');
  writeFileSync(
    file,
    'export default new (class { #text = "from a field"; open(connection) { connection.end(this.#text); } })();\n',
  );
  try {
    await using server = await listen({ host: '127.0.0.1', port: 0, threads: 1, module: pathToFileURL(file) });
    const texts: string[] = [];
    for await (const chunk of await connect({ host: '127.0.0.1', port: server.port as number })) {
      texts.push(String(chunk));
    }
    assert.equal(texts.join(''), 'from a field');
  } finally {
    await rm(folder, { recursive: true });
  }
});
