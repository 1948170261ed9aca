/**
 * A turn that the event loop's poll has called waits for more completions in the poll's place. Everything else that the
 * event loop does goes on as without that.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CompletionBatch } from 'overlapped/port';
import { runProgram } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { LoopEcho } from '../support/loop-echo.js';
import { connectNode } from '../support/node-client.js';

/** The messages of each connection of the program. */
const MESSAGES = 200;

interface Outcome {
  readonly received: number;
  readonly messages: number;
  /** Iterations of the event loop. */
  readonly loops: number;
  /** The part of the time in which the event loop was not idle, by its own measurement. */
  readonly busy: number;
  readonly uncaught: number;
  readonly wrongContexts: number;
  /** Messages that came until a socket of Node's that the handler had opened was connected. */
  readonly untilConnected: number;
  readonly order: readonly string[];
  readonly timers: number;
  readonly files: number;
  readonly answers: number;
}

async function run(driver: string, mode: string, disabledFeatures: readonly string[] = []): Promise<Outcome> {
  const result = await runProgram('waiting-turns', [JSON.stringify({ driver, disabledFeatures }), mode]);
  assert.deepEqual([result.exitCode, result.stderr], [0, '']);
  return JSON.parse(result.stdout);
}

/** Less than a turn waits: whatever waited for the end of the turn would be later. */
const LATE_MS = 15;

/** Less than a turn of few waits lasts. */
const SPARSE_MS = 70;

const skip = process.platform === 'linux' ? false : 'only drivers of Linux wait so';

for (const driver of ['io_uring', 'epoll'] as const) {
  describe(`turns that wait, on ${driver}`, { skip }, () => {
    test('messages that come one by one take no iteration of the event loop, and it is idle meanwhile', async () => {
      const { received, messages, loops, busy } = await run(driver, 'echo');
      assert.deepEqual([received, messages], [MESSAGES, MESSAGES]);
      assert.ok(loops < MESSAGES / 2, `${loops} iterations for ${MESSAGES} messages`);
      assert.ok(busy < 0.6, `the loop was busy for ${busy} of the time`);
    });

    test('without the feature each message takes an iteration', async () => {
      const { received, loops } = await run(driver, 'echo', ['event_loop_wait']);
      assert.equal(received, MESSAGES);
      assert.ok(loops >= MESSAGES, `${loops} iterations for ${MESSAGES} messages`);
    });

    test('ticks, promises and immediates run in order, and handlers in their async context', async () => {
      const { order, wrongContexts } = await run(driver, 'echo');
      assert.deepEqual([order, wrongContexts], [['tick', 'promise', 'immediate'], 0]);
    });

    test('timers, files and other servers of the process are not held up', async () => {
      const { received, timers, files, answers } = await run(driver, 'busy');
      assert.equal(received, MESSAGES);
      assert.ok(timers > 20, `${timers} timers of 5 ms in more than ${2 * MESSAGES} ms`);
      assert.ok(files > 20, `${files} files`);
      assert.ok(answers > MESSAGES, `${answers} answers of the other server`);
    });

    test("a socket of Node's that a handler opens is connected at once", async () => {
      const { received, untilConnected } = await run(driver, 'connects');
      assert.equal(received, MESSAGES);
      assert.ok(untilConnected >= 0 && untilConnected < 5, `connected after ${untilConnected} messages`);
    });

    test('errors that ticks and promises throw are uncaught exceptions, and the server goes on', async () => {
      const { received, uncaught } = await run(driver, 'throws');
      assert.deepEqual([received, uncaught], [MESSAGES, MESSAGES / 5]);
    });

    test('ends, ticks of handlers that a flush calls, and unreferenced immediates do not wait for the next message', async () => {
      const result = await runProgram('waiting-turn-ends', [JSON.stringify({ driver })]);
      assert.deepEqual([result.exitCode, result.stderr], [0, '']);
      const { end, tick, ticks, untilImmediate } = JSON.parse(result.stdout);
      assert.ok(end >= 0 && end < LATE_MS, `the end came ${end} ms after the answer`);
      assert.ok(ticks > 5 && tick < LATE_MS, `ticks of handlers waited for ${tick} ms`);
      assert.ok(untilImmediate >= 0 && untilImmediate < 20, `an immediate waited for ${untilImmediate} messages`);
    });

    test('a small answer that finds no room does not wait for the end of the turn', async () => {
      const result = await runProgram('waiting-turn-room', [JSON.stringify({ driver })]);
      assert.deepEqual([result.exitCode, result.stderr], [0, '']);
      const times = JSON.parse(result.stdout) as number[];
      assert.ok(Math.max(...times) < SPARSE_MS, `${times.map(Math.round)} ms`);
    });

    test('a program that dequeues from a started port itself gets no less time, and the port goes on', async () => {
      const echo = new LoopEcho({ driver });
      const batch = new CompletionBatch(16);
      const waits: number[] = [];
      echo.before = ({ kind, bytes }) => {
        if (kind === 'receive' && bytes > 0) {
          void Promise.resolve().then(() => {
            const began = performance.now();
            // The answer's completion comes first, and nothing after it.
            let taken: number;
            do {
              taken = echo.port.getQueuedCompletions(batch, 20);
            } while (taken > 0);
            waits.push(performance.now() - began);
          });
        }
      };
      echo.start();
      const client = await connectNode(echo.number);
      try {
        for (let round = 1; round <= 10; round++) {
          client.socket.write('ping');
          await eventually(() => waits.length === round, `wait ${round}`);
          // The port is parked when the next message comes.
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
        assert.ok(Math.min(...waits) > 19, `waited for ${waits}`);
      } finally {
        client.socket.destroy();
        batch.clear();
        echo.port.close();
      }
    });

    test('two engines in one thread serve as if each were alone', async () => {
      const { messages } = await run(driver, 'two');
      assert.equal(messages, 2 * MESSAGES);
    });

    test('a server that is closed in a waiting turn lets the process end', async () => {
      const { received } = await run(driver, 'closes');
      assert.equal(received, MESSAGES);
    });
  });
}
