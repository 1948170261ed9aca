/** Timeouts of the layer above: data that arrived in time counts, even if it is dequeued late. */

import assert from 'node:assert/strict';
import type { CompletionHandler, CompletionPort, OverlappedSocket, PumpOptions } from 'overlapped/port';
import { connectPair, type Dequeuer, eventually, withPort } from '../support/harness.js';
import { bounded, type Subject } from './subject.js';

/** More connections than a turn takes completions, at one completion per round. */
const CONNECTIONS = 40;
const batchCompletions = 1;

/** So often limits are applied only where the bytes do not come: a port in `run` would not end. */
const APPLIED_MAX = 1000;

/** The layer above: limits that are always due. */
class Limits {
  received = 0;
  readonly #port: CompletionPort;
  /** The bytes received each time the limits were applied. */
  readonly receivedBefore: number[] = [];
  readonly hooks: NonNullable<PumpOptions['hooks']> = {
    begin: () => undefined,
    flush: () => undefined,
    timePassed: () => {
      this.receivedBefore.push(this.received);
      if (this.receivedBefore.length === APPLIED_MAX) {
        this.#port.stop();
      }
    },
    hasWork: false,
    owesTurn: false,
    dueAt: 0,
    late: true,
  };

  constructor(port: CompletionPort) {
    this.#port = port;
  }

  readonly handler: CompletionHandler = ({ kind, bytes }) => {
    if (kind === 'receive' && bytes > 0 && ++this.received === CONNECTIONS) {
      this.#port.stop();
    }
  };
}

/** Bytes have come on many connections, and receives are posted for them. */
async function comeInTime(dequeuer: Dequeuer): Promise<void> {
  const { port } = dequeuer;
  const servers: OverlappedSocket[] = [];
  while (servers.length < CONNECTIONS) {
    const { client, server } = await connectPair(dequeuer);
    port.postSend(client, Buffer.from('x'));
    await dequeuer.next('send', client);
    servers.push(server);
  }
  for (const server of servers) {
    port.postReceive(server, { once: true });
  }
}

export function lateness(subject: Subject): void {
  bounded('timeouts are not evaluated before pending data', () =>
    withPort(subject.options, async (dequeuer, port) => {
      await comeInTime(dequeuer);
      const limits = new Limits(port);
      port.start(limits.handler, { batchCompletions, hooks: limits.hooks });
      await eventually(() => limits.received === CONNECTIONS, 'the bytes');
      assert.deepEqual(limits.receivedBefore, []);
    }),
  );

  bounded('in `run`, timeouts are not evaluated before pending data', () =>
    withPort(subject.options, async (dequeuer, port) => {
      await comeInTime(dequeuer);
      const limits = new Limits(port);
      port.run(limits.handler, { batchCompletions, hooks: limits.hooks });
      assert.equal(limits.received, CONNECTIONS);
      assert.deepEqual(limits.receivedBefore, []);
    }),
  );

  bounded('timeouts are evaluated even if a port is never idle', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client } = await connectPair(dequeuer);
      const limits = new Limits(port);
      // An empty send completes at once.
      const goOn = (): void => port.postSend(client, Buffer.alloc(0));
      goOn();
      port.start(goOn, { batchCompletions, hooks: limits.hooks });
      await eventually(() => limits.receivedBefore.length > 1, 'limits, again and again');
      port.stop();
    }),
  );
}
