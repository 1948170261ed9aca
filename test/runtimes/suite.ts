/** The tests of a runtime other than Node. Its own test runner runs the engine's tests (`runtimes/engine.ts`). */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { SystemDriverName } from 'overlapped/port';
import { runtimeFor } from '../../bench/contenders/runtimes.js';
import { Child, programPath } from '../support/child.js';
import type { Echoed } from '../support/programs/runtime-echo.js';

/** How a runtime runs a program, and a file of tests. */
export interface Words {
  readonly program: readonly string[];
  readonly tests: readonly string[];
  /** The drivers that it can run. */
  readonly drivers: readonly SystemDriverName[];
}

/** The drivers that use the system's calls, and watch the event loop. */
export const OF_LINUX = ['io_uring', 'epoll', 'select'] as const;

/** The main file of the command line. */
export const MAIN = fileURLToPath(new URL('../../../bin/overlapped.js', import.meta.url));

const ENGINE_TESTS = fileURLToPath(new URL('./engine.js', import.meta.url));

/** The results that both versions of TLS must show: the certificate, ALPN, a clean end, a resumed session. */
const secureWith = (version: string): readonly unknown[] => [version, true, 'two', 'CN=localhost', 'finished', true];

export function runtimeSuite(name: 'bun' | 'deno', words: Words): void {
  const found = runtimeFor(name);
  const { drivers } = words;
  const path = 'path' in found ? found.path : '';
  const options = { timeoutMs: 100_000, env: { NO_COLOR: '1' } };

  describe(`overlapped in ${name}`, { skip: 'missing' in found && found.missing }, () => {
    test('an echo on each driver, with and without TLS, and TLS with Node', async () => {
      const child = new Child(programPath('runtime-echo'), drivers, { ...options, runtime: [path, ...words.program] });
      const [, port, ca = ''] = await child.says(/^serving (\d+) (\S+)$/m);
      const echoed = child.stdout.split('\n').slice(0, drivers.length);
      assert.deepEqual(
        echoed.map((line) => JSON.parse(line) as Echoed),
        drivers.map((driver) => ({
          driver,
          plain: 'finished',
          secure: { 'TLSv1.2': secureWith('TLSv1.2'), 'TLSv1.3': secureWith('TLSv1.3') },
        })),
      );
      const socket = tls.connect({ port: Number(port), servername: 'localhost', ca: Buffer.from(ca, 'base64') });
      socket.end('hello');
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      assert.equal(String(chunk), 'hello');
      assert.equal(socket.authorized, true);
      await once(socket, 'close');
      child.process.stdin?.end();
      const { exitCode, stdout, stderr } = await child.ended;
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, /closed\n$/);
    });

    test('doctor says which runtime it is, and what differs', async () => {
      const { exitCode, stdout, stderr } = await new Child(MAIN, ['doctor', '--json'], {
        ...options,
        runtime: [path, ...words.program],
      }).ended;
      assert.equal(exitCode, 0, `${stdout}${stderr}`);
      const report = JSON.parse(stdout);
      assert.equal(report.auto, 'io_uring');
      assert.match(report.limits.runtime, new RegExp(`^${name} \\d`, 'i'));
      assert.equal(report.tls.library, 'system');
      const usable = report.drivers.filter((driver: { readonly usable: boolean }) => driver.usable);
      assert.deepEqual(
        usable.map((driver: { readonly name: string }) => driver.name),
        drivers,
      );
      for (const driver of usable.slice(0, OF_LINUX.length)) {
        assert.match(driver.eventLoopWatch, /^a waiting thread, because \w+'s event loop is not libuv$/);
        assert.equal(typeof driver.wakeUpMicroseconds, 'number');
      }
    });

    for (const driver of drivers) {
      test(`the engine's tests on ${driver}`, async () => {
        const { exitCode, signal, stdout, stderr } = await new Child(ENGINE_TESTS, [], {
          ...options,
          runtime: [path, ...words.tests],
          env: { ...options.env, OVERLAPPED_DRIVER: driver },
        }).ended;
        assert.equal(exitCode, 0, `${signal ?? ''} ${stdout} ${stderr}`);
      });
    }
  });
}
