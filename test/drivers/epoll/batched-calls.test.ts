/** Many calls by one io_submit, and the readiness drivers of Linux without it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type AioContext, BATCHED_CALLS, threadContext } from '../../../src/drivers/linux/aio.js';
import { linuxMessages } from '../../../src/drivers/linux/messages.js';
import { LinuxNonBlocking } from '../../../src/drivers/linux/non-blocking.js';
import { CallBatch, RECEIVE_CALL, SEND_CALL } from '../../../src/drivers/readiness/call-batch.js';
import { AF_UNIX, EAGAIN, SOCK_NONBLOCK, SOCK_STREAM } from '../../../src/ffi/linux/constants.js';
import { libc } from '../../../src/ffi/linux/libc.js';
import { Slab } from '../../../src/ffi/memory.js';
import { contractSuite } from '../../contract/suite.js';
import { programPath, runProgram } from '../../support/child.js';
import { eventually, withPort } from '../../support/harness.js';
import { contextsOpen } from '../../support/linux.js';

const EBADF = 9;
const EPIPE = 32;
/** No descriptor has this number: it is above every limit. */
const NO_SOCKET = 0x7fff_fff0;

const traces = spawnSync('strace', ['-V']).status === 0;

const calls = new LinuxNonBlocking(new Set());
const singly = new LinuxNonBlocking(new Set([BATCHED_CALLS]));

/** Two connected non-blocking sockets, and 4 KiB of memory for their bytes. */
class Pair {
  readonly memory = new Slab(4096);
  readonly #sockets = new Slab(8);

  constructor() {
    assert.equal(libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, this.#sockets.address), 0);
  }

  get one(): number {
    return this.#sockets.i32[0] as number;
  }

  get other(): number {
    return this.#sockets.i32[1] as number;
  }

  write(offset: number, text: string): void {
    this.memory.u8.set(Buffer.from(text), offset);
  }

  text(offset: number, byteLength: number): string {
    return Buffer.from(this.memory.u8.subarray(offset, offset + byteLength)).toString();
  }

  close(): void {
    libc().close(this.one);
    libc().close(this.other);
  }
}

/** The results of a batch that `fill` fills, made with and without io_submit, which have to be the same. */
function both(fill: (batch: CallBatch, pair: Pair) => void, check: (results: number[], pair: Pair) => void): void {
  for (const made of [calls, singly]) {
    const pair = new Pair();
    const batch = new CallBatch(256);
    fill(batch, pair);
    made.makeAll(batch);
    check([...batch.results.subarray(0, batch.length)], pair);
    pair.close();
  }
}

describe('A batch of calls', () => {
  test('is made by one io_submit on this system', () => {
    assert.notEqual(threadContext(), undefined);
    assert.deepEqual(calls.features, [BATCHED_CALLS]);
    assert.deepEqual(singly.features, []);
  });

  test('is made in order, and each call has the result that it has alone', () =>
    both(
      (batch, pair) => {
        const { one, other, memory } = pair;
        pair.write(0, 'abcdef');
        const message = new Slab(linuxMessages.byteLength);
        const addresses = Float64Array.of(memory.address + 3, memory.address + 1);
        linuxMessages.write(message, { borrowed: false, count: 2, addresses, lengths: Float64Array.of(2, 1) });
        batch.add(RECEIVE_CALL, other, memory.address + 100, 50);
        batch.add(SEND_CALL, one, memory.address, 3);
        batch.addMessage(one, message);
        batch.add(RECEIVE_CALL, other, memory.address + 200, 4);
        batch.add(RECEIVE_CALL, other, memory.address + 300, 50);
        batch.add(RECEIVE_CALL, other, memory.address + 400, 50);
      },
      (results, pair) => {
        assert.deepEqual(results, [-EAGAIN, 3, 3, 4, 2, -EAGAIN]);
        assert.equal(pair.text(200, 4) + pair.text(300, 2), 'abcdeb');
      },
    ));

  test('of each kind of call is one system call', {
    skip: traces ? false : 'strace is not installed: nothing else counts system calls',
  }, async () => {
    const alone = (): never => assert.fail('A call of the batch was made by itself');
    const pair = new Pair();
    const message = new Slab(linuxMessages.byteLength);
    const piece = {
      borrowed: false,
      count: 1,
      addresses: Float64Array.of(pair.memory.address),
      lengths: Float64Array.of(5),
    };
    linuxMessages.write(message, piece);
    const batch = new CallBatch(256);
    batch.add(SEND_CALL, pair.one, pair.memory.address, 3);
    batch.addMessage(pair.one, message);
    batch.add(RECEIVE_CALL, pair.other, pair.memory.address + 100, 50);
    threadContext()?.makeAll(batch, { receive: alone, send: alone, sendMessage: alone });
    assert.deepEqual([...batch.results.subarray(0, 3)], [3, 5, 8]);
    pair.close();

    const { exitCode, stderr } = await runProgram('broken-pipes', [], {
      before: ['strace', '-f', '-qq', '-e', 'signal=none', '-e', 'trace=io_submit'],
    });
    assert.equal(exitCode, 0);
    assert.equal(stderr.match(/io_submit\(0x[0-9a-f]+, 3, .* = 3$/gm)?.length, 1, stderr);
  });

  test('continues after a call that the system rejects', () =>
    both(
      (batch, pair) => {
        const { one, other, memory } = pair;
        pair.write(0, 'xy');
        batch.add(SEND_CALL, NO_SOCKET, memory.address, 1);
        batch.add(SEND_CALL, one, memory.address, 1);
        batch.add(RECEIVE_CALL, NO_SOCKET, memory.address, 1);
        batch.add(SEND_CALL, one, memory.address + 1, 1);
        batch.add(RECEIVE_CALL, other, memory.address + 100, 50);
        batch.add(SEND_CALL, NO_SOCKET, memory.address, 1);
      },
      (results, pair) => {
        assert.deepEqual(results, [-EBADF, 1, -EBADF, 1, 2, -EBADF]);
        assert.equal(pair.text(100, 2), 'xy');
      },
    ));

  test('of the largest size can be made again and again', () => {
    const pair = new Pair();
    const batch = new CallBatch(256);
    for (let round = 0; round < 50; round++) {
      batch.length = 0;
      for (let index = 0; index < 128; index++) {
        pair.memory.u8[index] = round + index;
        batch.add(SEND_CALL, pair.one, pair.memory.address + index, 1);
        batch.add(RECEIVE_CALL, pair.other, pair.memory.address + 1000 + index, 1);
      }
      calls.makeAll(batch);
      assert.deepEqual(new Set(batch.results), new Set([1]));
      assert.deepEqual(pair.memory.u8.subarray(0, 128), pair.memory.u8.subarray(1000, 1128));
    }
    pair.close();
  });

  test('reports an end and a broken connection, and raises no SIGPIPE', async () => {
    both(
      (batch, pair) => {
        libc().close(pair.other);
        batch.add(SEND_CALL, pair.one, pair.memory.address, 1);
        batch.add(RECEIVE_CALL, pair.one, pair.memory.address, 50);
      },
      (results) => assert.deepEqual(results, [-EPIPE, 0]),
    );
    const spares = (threadContext() as AioContext).sparesSignals;
    const { exitCode, signal, stdout, stderr } = await runProgram('broken-pipes', [spares ? 'default' : 'as_node']);
    assert.deepEqual({ exitCode, signal, stderr }, { exitCode: 0, signal: null, stderr: '' });
    assert.deepEqual(JSON.parse(stdout), [-EPIPE, -EPIPE, -EPIPE]);
  });

  test("a worker's context is destroyed with the worker", { timeout: 60_000 }, async () => {
    const before = contextsOpen();
    const worker = new Worker(programPath('batched-worker'));
    const during = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    assert.equal(during, before + 1);
    await new Promise((resolve) => worker.once('exit', resolve));
    await eventually(() => contextsOpen() === before, 'it is given back');
  });
});

describe('epoll and select without io_submit', () => {
  for (const driver of ['epoll', 'select'] as const) {
    test(`${driver} works without it when it is disabled`, () =>
      withPort({ driver, disabledFeatures: [BATCHED_CALLS] }, (_dequeuer, port) => {
        assert.equal(port.features.includes(BATCHED_CALLS), false);
      }));
  }

  test('calls are made one by one if the system has no context left, or refuses one', {
    timeout: 60_000,
    skip: traces ? false : 'strace is not installed: nothing else makes one system call fail',
  }, async () => {
    for (const error of ['EAGAIN', 'ENOSYS', 'EPERM']) {
      const trace = ['-e', 'trace=io_setup', '-e', `inject=io_setup:error=${error}`];
      const result = await runProgram('features', ['epoll'], {
        before: ['strace', '-f', '-qq', '-o', '/dev/null', ...trace],
      });
      assert.equal(result.exitCode, 0, result.stderr);
      assert.deepEqual(JSON.parse(result.stdout), { features: ['edge_triggered'], echoed: 'ping' });
    }
  });
});

contractSuite(
  'epoll',
  { multishot: false, unixConnectWaits: false },
  { disabledFeatures: [BATCHED_CALLS] },
  { title: ' without batched calls', topics: ['completions', 'cancelling', 'closing', 'bytes', 'buffers', 'endings'] },
);
