/** Handlers that throw. */

import assert from 'node:assert/strict';
import type { CompletionPort, OverlappedSocket } from 'overlapped/port';
import { runProgram } from '../support/child.js';
import { connectPair, type Dequeuer, eventually, withPort } from '../support/harness.js';
import { LoopEcho } from '../support/loop-echo.js';
import { bounded, type Subject } from './subject.js';

/** A connection with `count` empty sends whose completions are queued: they can be dispatched in one batch. */
async function queueSends(dequeuer: Dequeuer, port: CompletionPort, count: number): Promise<OverlappedSocket> {
  const { client } = await connectPair(dequeuer);
  for (let index = 0; index < count; index++) {
    port.postSend(client, Buffer.alloc(0), index);
  }
  return client;
}

export function loopErrors(subject: Subject): void {
  bounded('an error thrown by a handler goes to onError with its completion, and the pump goes on', async () => {
    const echo = new LoopEcho(subject.options);
    const errors: [unknown, string][] = [];
    let receives = 0;
    echo.port.start(
      (completion) => {
        echo.handler(completion);
        if (completion.kind === 'receive') {
          receives++;
          throw new Error(`after receive ${receives}`);
        }
      },
      { onError: (error, completion) => errors.push([error, completion.kind]) },
    );
    const client = await subject.peers.connect(echo.number);
    for (let round = 1; round <= 5; round++) {
      client.socket.write('ping');
      await eventually(() => client.bytes === 4 * round, `echo ${round}`);
    }
    assert.equal(errors.length, receives);
    assert.match(String(errors[0]?.[0]), /after receive 1/);
    assert.equal(errors[0]?.[1], 'receive');
    await eventually(() => echo.port.statistics().buffersLent === 0, 'no buffer is kept by an error');
    client.socket.destroy();
    echo.port.close();
  });

  bounded("without onError a handler's error is uncaught, and the rest of the batch is dispatched", async () => {
    const result = await runProgram('throwing-handler', [subject.programOptions, 'listen']);
    assert.deepEqual([result.exitCode, result.stderr], [0, '']);
    assert.deepEqual(JSON.parse(result.stdout), { caught: 10, dispatched: 20, echoed: 'ping', buffersLent: 0 });
  });

  bounded('a process that catches an uncaught exception of the layer above keeps its port running', async () => {
    const result = await runProgram('throwing-handler', [subject.programOptions, 'hook']);
    assert.deepEqual([result.exitCode, result.stderr], [0, '']);
    assert.deepEqual(JSON.parse(result.stdout), { caught: 11, dispatched: 20, echoed: 'ping', buffersLent: 0 });
  });

  bounded("a handler's error that nothing catches ends the process, as an error of any callback does", async () => {
    const result = await runProgram('throwing-handler', [subject.programOptions, 'ignore']);
    assert.equal(result.exitCode, 1);
    assert.match(result.stderr, /Error: thrown by a handler/);
  });

  bounded('an error of a handler ends `run`, and the next `run` dispatches the rest', () =>
    withPort(subject.options, async (dequeuer, port) => {
      await queueSends(dequeuer, port, 10);
      const contexts: unknown[] = [];
      const handler = (completion: { context: unknown }): void => {
        contexts.push(completion.context);
        if (contexts.length === 10) {
          port.stop();
        } else if (contexts.length % 3 === 0) {
          throw new Error(`at ${contexts.length}`);
        }
      };
      for (const at of [3, 6, 9]) {
        assert.throws(() => port.run(handler), { message: `at ${at}` });
      }
      port.run(handler);
      assert.deepEqual(contexts, [...Array(10).keys()]);
    }),
  );

  bounded('an error in the handler of a receive returns its buffer to the pool, in `run`', () =>
    withPort({ ...subject.options, bufferCount: 1 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      for (let round = 0; round < 3; round++) {
        port.postReceive(server, { once: true });
        port.postSend(client, Buffer.from('x'));
        assert.throws(
          () =>
            port.run((completion) => {
              if (completion.kind === 'receive') {
                throw new Error('of a receive');
              }
            }),
          { message: 'of a receive' },
        );
        assert.equal(port.statistics().buffersLent, 0);
      }
    }),
  );

  bounded('a lent buffer returns to the pool after the handler, even if the handler stops the port', () =>
    withPort({ ...subject.options, bufferCount: 1 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      port.postReceive(server, { once: true });
      port.postSend(client, Buffer.from('x'));
      port.run((completion) => {
        if (completion.kind === 'receive') {
          port.stop();
        }
      });
      assert.equal(port.statistics().buffersLent, 0);
    }),
  );

  bounded('with onError `run` goes on after an error, and an error of onError ends it', () =>
    withPort(subject.options, async (dequeuer, port) => {
      await queueSends(dequeuer, port, 6);
      let dispatched = 0;
      let errors = 0;
      const options = {
        onError: (): void => {
          errors++;
          if (errors === 4) {
            throw new Error('of onError');
          }
        },
      };
      const handler = (): void => {
        dispatched++;
        if (dispatched === 6) {
          port.stop();
        }
        throw new Error('of the handler');
      };
      assert.throws(() => port.run(handler, options), { message: 'of onError' });
      assert.deepEqual([dispatched, errors], [4, 4]);
      port.run(handler, options);
      assert.deepEqual([dispatched, errors], [6, 6]);
    }),
  );

  bounded('completions left after a handler stopped the port can be dequeued by hand', () =>
    withPort(subject.options, async (dequeuer, port) => {
      await queueSends(dequeuer, port, 5);
      port.run((completion) => {
        if (completion.context === 1) {
          port.stop();
        }
      });
      dequeuer.all.length = 0;
      await dequeuer.until(() => dequeuer.all.filter(({ kind }) => kind === 'send').length === 3, 'three sends');
      assert.deepEqual(
        dequeuer.all.filter(({ kind }) => kind === 'send').map(({ context }) => context),
        [2, 3, 4],
      );
    }),
  );

  bounded('when the handler of `run` closes the port, the rest is dispatched and `run` returns', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { server } = await connectPair(dequeuer);
      port.postReceive(server);
      port.wakeUp();
      const kinds: string[] = [];
      port.run((completion) => {
        kinds.push(`${completion.kind} ${completion.code}`);
        port.close();
      });
      assert.ok(kinds.includes('receive ECANCELED'));
      assert.equal(port.statistics().completionsQueued, 0);
    }),
  );
}
