/** Bad input on the command line: one line that names the mistake, the reason and the remedy, and exit code 2. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lackOf, system } from '../support/system.js';
import { runCli } from './process.js';

const [foreign, home] = system.foreignDriver;
const longPath = `/tmp/${'x'.repeat(120)}`;

type Case = readonly [parameters: readonly string[], line: RegExp];

/** Mistakes that only the system can find. */
const SYSTEM_CASES: readonly Case[] = [
  [['echo', '--driver', 'fast'], /unknown driver "fast": expected 'auto', .*'io_uring'.*; run overlapped doctor/],
  [
    ['echo', '--driver', foreign],
    new RegExp(`cannot use the driver ${foreign}: ${foreign} needs ${home.source}.*; use `),
  ],
  [['bench', '127.0.0.1:1', '--driver', foreign], new RegExp(`cannot use the driver ${foreign}`)],
  [['echo', '--host', 'no-such-host.invalid'], /cannot resolve the host "no-such-host.invalid": .*; check the name/],
  [['bench', 'no-such-host.invalid:80'], /cannot resolve the host "no-such-host.invalid": .*; check the name/],
  // An address for documentation (RFC 5737): no machine has it.
  [['echo', '--host', '192.0.2.1', '--port', '0'], /cannot listen on 192\.0\.2\.1:0: .* \(EADDRNOTAVAIL\); set --host/],
];

/** Mistakes found by reading the arguments. Where a program takes seconds to start, some of them must do. */
const CASES: readonly Case[] = [
  [['echo', '--port', '99999'], /bad --port "99999": expected a whole number from 0 to 65535/],
  [['echo', '--port', 'abc'], /bad --port "abc": expected a whole number from 0 to 65535/],
  [['echo', '--port', '-1'], /bad --port "-1"/],
  [['echo', '--path', ''], /bad path ""/],
  [['echo', '--path', 'x', '--port', '1'], /'--path <path>' cannot be used with option '--port <port>'/],
  [['echo', '--drain-timeout', 'soon'], /bad --drain-timeout "soon"/],
  [['echo', '--prot', '1'], /unknown option '--prot' \(Did you mean --port\?\); see overlapped --help/],
  [['echo', 'extra'], /too many arguments/],
  [['ecko'], /unknown command 'ecko' \(Did you mean echo\?\); see overlapped --help/],
  [['bench'], /missing required argument 'target'/],
  [['bench', '::1'], /bad target "::1": an IPv6 address needs brackets and a port/],
  [['bench', 'localhost'], /bad target "localhost": expected HOST:PORT/],
  [['bench', '99999'], /bad port "99999"/],
  [['bench', 'unix:'], /bad path "unix:"/],
  [['bench', '1', '--size', '0'], /bad --size "0": expected a whole number from 1/],
  [['bench', '1', '--connections', '1.5'], /bad --connections "1\.5"/],
  [['bench', '1', '--duration', 'x'], /bad --duration "x": expected a number from/],
  [['bench', '1', '--connections', '1000000', '--pipeline', '100'], /too much in flight: .*; use fewer --connections/],
  [['doctor', '--yaml'], /unknown option '--yaml'/],
];

async function badInput(parameters: readonly string[], line: RegExp): Promise<void> {
  const { exitCode, stdout, stderr } = await runCli(parameters);
  assert.match(stderr, line);
  assert.deepEqual({ exitCode, stdout, lines: stderr.split('\n').length }, { exitCode: 2, stdout: '', lines: 2 });
  assert(stderr.startsWith('overlapped: '));
}

const UNIX_CASES: readonly Case[] = [
  [
    ['echo', '--path', longPath],
    /cannot listen on .*: a Unix socket's path has at most 107 bytes, .* 125 .*; choose a shorter/,
  ],
  [
    ['bench', `unix:${longPath}`],
    /cannot connect to .*: a Unix socket's path has at most 107 bytes .*; choose a shorter/,
  ],
  [
    ['echo', '--path', join(tmpdir(), 'overlapped-none', 'x')],
    /its directory does not exist \(ENOENT\); create the directory/,
  ],
];

const NO_UNIX_CASES: readonly Case[] = [
  [['echo', '--path', 'x'], /cannot listen on x: Unix-domain sockets are not offered .*; use .* \(EAFNOSUPPORT\)$/m],
  [['bench', 'unix:x'], /cannot connect to x: Unix-domain sockets are not offered .*; use .* \(EAFNOSUPPORT\)$/m],
];

describe('bad input', { concurrency: 4 }, () => {
  for (const [parameters, line] of [...SYSTEM_CASES, ...CASES.filter((_, index) => index % system.patience === 0)]) {
    test(parameters.join(' ').slice(0, 60), () => badInput(parameters, line));
  }

  for (const [parameters, line] of UNIX_CASES) {
    test(parameters.join(' ').slice(0, 60), { skip: lackOf('unixSockets') }, () => badInput(parameters, line));
  }

  for (const [parameters, line] of lackOf('unixSockets') === false ? [] : NO_UNIX_CASES) {
    test(parameters.join(' '), () => badInput(parameters, line));
  }

  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await badInput(
        ['echo', '--host', '127.0.0.1', '--port', `${port}`],
        new RegExp(
          `^overlapped: cannot listen on 127\\.0\\.0\\.1:${port}: the address is already in use \\(EADDRINUSE\\); stop the other program, or choose another --port\\n$`,
        ),
      );
    } finally {
      server.close();
    }
  });
});

describe('input that is not bad', () => {
  test('--version', async () => {
    const { exitCode, stdout, stderr } = await runCli(['--version']);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  });

  test('--help, with examples', async () => {
    const { exitCode, stdout, stderr } = await runCli(['--help']);
    assert.match(stdout, /Examples:\n {2}\$ overlapped echo /);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  });

  test('no command at all prints the help, and is a failure', async () => {
    const { exitCode, stdout, stderr } = await runCli([]);
    assert.match(stderr, /^Usage: overlapped /);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  });
});
