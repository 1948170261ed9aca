/** `overlapped doctor`, and the limits that it reads. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { limitAdvice, processLimit, readLimits } from '../../src/cli/doctor/limits.js';
import { USABLE_DRIVERS } from '../support/drivers.js';
import { lackOf, system } from '../support/system.js';
import { BIN, runCli } from './process.js';

interface Report {
  readonly auto: string | null;
  readonly drivers: readonly {
    readonly name: string;
    readonly usable: boolean;
    readonly reason?: string;
    readonly advice?: string;
    readonly features?: readonly string[];
    readonly eventLoopWatch?: string;
    readonly wakeUpMicroseconds?: number | null;
  }[];
  readonly limits: Readonly<Record<string, unknown>>;
  readonly advice: readonly string[];
}

describe('doctor', { concurrency: 3 }, () => {
  test('writes JSON: each driver, its event-loop watch and a wake-up that arrived', async () => {
    const { exitCode, stdout, stderr } = await runCli(['doctor', '--json']);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    const report = JSON.parse(stdout) as Report;
    assert.deepEqual(report.drivers.map(({ name }) => name).sort(), ['epoll', 'io_uring', 'iocp', 'node', 'select']);
    assert.equal(report.auto, USABLE_DRIVERS[0]);
    for (const driver of report.drivers) {
      assert.equal(driver.usable, (USABLE_DRIVERS as readonly string[]).includes(driver.name));
      if (driver.usable) {
        assert(Array.isArray(driver.features));
        assert.match(String(driver.eventLoopWatch), /epoll|thread|Node's own sockets/);
        assert(Number(driver.wakeUpMicroseconds) > 0, `${driver.name}: the wake-up did not arrive`);
      } else {
        assert(driver.reason && driver.advice);
      }
    }
    assert.equal(report.limits.node, process.version);
  });

  test('writes text', async () => {
    const { exitCode, stdout, stderr } = await runCli(['doctor']);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    for (const driver of USABLE_DRIVERS) {
      assert.match(stdout, new RegExp(`^ {2}${driver} +usable$`, 'm'));
    }
    const [foreign, home] = system.foreignDriver;
    assert.match(stdout, new RegExp(`^ {2}${foreign} +not usable: ${foreign} needs ${home.source}, .*; use .*$`, 'm'));
    assert.match(stdout, /^Taken by auto$/m);
    assert.match(stdout, /^ {2}descriptors +[\d,]+, at most [\d,a-z]+ \(ulimit -n\)$/m);
    assert(stdout.split('\n').every((line) => line === line.trimEnd()));
  });

  test('ends without an error message when nobody reads its output', { skip: lackOf('shell') }, () => {
    const command = `"${process.execPath}" "${BIN}" doctor | head -1`;
    const { stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.deepEqual([stdout, stderr], ['Drivers\n', '']);
  });

  test('gives advice if there are few descriptors', { skip: lackOf('descriptorLimit') }, () => {
    const command = `ulimit -n 200; exec "${process.execPath}" "${BIN}" doctor`;
    const { stdout, stderr, status } = spawnSync('bash', ['-c', command], { encoding: 'utf8', timeout: 60_000 });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /the limit of 200 descriptors allows about as many connections; raise it: /);
  });
});

describe('limits', () => {
  test('are read from /proc', () => {
    const root = mkdtempSync(join(tmpdir(), 'overlapped-'));
    const put = (path: string, text: string): void => {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    try {
      put(
        'self/limits',
        'Limit                     Soft Limit           Hard Limit           Units     \n' +
          'Max open files            1024                 524288               files     \n' +
          'Max locked memory         unlimited            unlimited            bytes     \n',
      );
      put('sys/net/core/somaxconn', '128\n');
      put('sys/kernel/io_uring_disabled', '2\n');
      put('sys/net/ipv4/ip_local_port_range', '32768\t40000\n');
      const limits = readLimits(root);
      const { descriptorsSoft, descriptorsHard, lockedMemoryBytes, backlogMax, ioUringDisabled } = limits;
      assert.deepEqual([descriptorsSoft, descriptorsHard, lockedMemoryBytes], [1024, 524_288, 'unlimited']);
      assert.deepEqual([backlogMax, ioUringDisabled], [128, 2]);
      assert.deepEqual([limits.localPortFirst, limits.localPortLast], [32_768, 40_000]);
      const advice = limitAdvice(limits);
      assert.equal(advice.length, 3);
      assert.match(advice[0] as string, /ulimit -n 65536/);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  test('are unknown without /proc', () => {
    const limits = readLimits(join(tmpdir(), 'overlapped-none'));
    assert.equal(limits.descriptorsSoft, 'unknown');
    assert.equal(limits.backlogMax, 'unknown');
    assert.equal(limits.localPortLast, 'unknown');
    assert.deepEqual(limitAdvice(limits), []);
    assert.deepEqual(processLimit('nothing of use', 'Max open files'), ['unknown', 'unknown']);
  });
});
