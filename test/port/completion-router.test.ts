/** What the port makes of a driver's completions, also of those that no test with real sockets can bring about. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fifo } from '../../src/base/fifo.js';
import { BufferPool } from '../../src/port/buffer-pool.js';
import { type Completion, CompletionBatch } from '../../src/port/completion.js';
import { CompletionQueue } from '../../src/port/completion-queue.js';
import { CompletionRouter } from '../../src/port/completion-router.js';
import { ACCEPT, CONNECT, OperationTable, RECEIVE, SEND, SHUTDOWN } from '../../src/port/operations.js';
import { RetryQueue } from '../../src/port/retry-queue.js';
import { SendMemory } from '../../src/port/sending/send-memory.js';
import { OverlappedSocket } from '../../src/port/socket.js';
import { FakeDriver } from '../support/fake-driver.js';

const ENOBUFS = 105;
const EMFILE = 24;
const ECONNABORTED = 103;
const ECONNRESET = 104;
const ECANCELED = 125;

/** The inside of a port, over a fake driver. */
class Bench {
  readonly driver = new FakeDriver();
  readonly operations = new OperationTable(256);
  readonly queue = new CompletionQueue();
  readonly pool = new BufferPool(2, 64, false);
  readonly retries = new RetryQueue(this.driver, this.operations);
  readonly sendMemory = new SendMemory(this.operations, this.pool);
  readonly router = new CompletionRouter(this);
  readonly #batch = new CompletionBatch(64);

  socket(state: OverlappedSocket['state'], handle = 10): OverlappedSocket {
    const socket = new OverlappedSocket(this.driver.sockets, handle, 'ipv4', state);
    this.router.sockets.add(socket);
    return socket;
  }

  /** Allocates a reading operation as a post would. */
  read(socket: OverlappedSocket, kind: number): number {
    const slot = this.operations.allocate(kind, socket, undefined);
    socket.readSlot = slot;
    return slot;
  }

  send(socket: OverlappedSocket, byteLength: number, context: unknown): number {
    const slot = this.operations.allocate(SEND, socket, context);
    this.sendMemory.hold(slot, new Uint8Array(byteLength));
    this.router.sends.append(socket, slot);
    return slot;
  }

  shutdown(socket: OverlappedSocket, context: unknown): void {
    this.router.sends.append(socket, this.operations.allocate(SHUTDOWN, socket, context));
  }

  generation(slot: number): number {
    return this.operations.generation[slot] as number;
  }

  complete(slot: number, result: number, { more = false, buffer = -1, generation = this.generation(slot) } = {}): void {
    this.router.complete(slot, generation, result, more, buffer);
  }

  take(): Completion[] {
    this.queue.open(this.#batch);
    this.queue.close();
    return this.#batch.entries.slice(0, this.#batch.length);
  }
}

describe('late completions', () => {
  test('a completion for a reused slot is dropped and counted, and its buffer returns to the pool', () => {
    const bench = new Bench();
    const first = bench.socket('connected');
    const slot = bench.read(first, RECEIVE);
    const before = bench.generation(slot);
    bench.complete(slot, -ECANCELED);
    bench.take();
    const second = bench.socket('connected', 11);
    assert.equal(bench.read(second, RECEIVE), slot, 'the slot is used again');
    bench.complete(slot, 20, { generation: before, buffer: 1 });
    bench.complete(slot, 20, { generation: before, more: true });
    assert.equal(bench.router.lateCompletions, 2);
    assert.deepEqual(bench.driver.given, [1]);
    assert.deepEqual(bench.take(), []);
    assert.equal(second.readSlot, slot);
    bench.complete(slot, 5, { buffer: 0 });
    assert.deepEqual(
      bench.take().map(({ socket, bytes }) => [socket, bytes]),
      [[second, 5]],
    );
  });

  test('a completion for a free or unknown slot is dropped and counted', () => {
    const bench = new Bench();
    bench.complete(7, 1);
    bench.complete(100_000, 1, { generation: 0 });
    assert.equal(bench.router.lateCompletions, 2);
  });

  test('a generation that wraps around 31 bits is still distinct', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    const slot = bench.read(socket, RECEIVE);
    bench.operations.generation[slot] = 2 ** 31 - 1;
    bench.complete(slot, 0);
    assert.equal(bench.generation(slot), -(2 ** 31));
    assert.equal(bench.read(socket, RECEIVE), slot);
    bench.complete(slot, 0, { generation: 2 ** 31 - 1 });
    assert.equal(bench.router.lateCompletions, 1);
  });
});

describe('accepts', () => {
  test('an accept is posted again if its connection went away before it was accepted', () => {
    const bench = new Bench();
    const slot = bench.read(bench.socket('listening'), ACCEPT);
    bench.complete(slot, -ECONNABORTED);
    assert.deepEqual(bench.take(), []);
    assert.deepEqual(
      bench.driver.posted.map(({ what, slot: posted }) => [what, posted]),
      [['accept', slot]],
    );
  });

  test('without descriptors an accept waits, and is posted again when a socket is closed', () => {
    const bench = new Bench();
    const slot = bench.read(bench.socket('listening'), ACCEPT);
    bench.complete(slot, -EMFILE);
    assert.deepEqual(bench.driver.posted, []);
    assert.equal(bench.retries.acceptsDelayed, 1);
    const other = bench.socket('closing', 12);
    bench.router.closeIfIdle(other);
    assert.deepEqual(bench.driver.closedSockets, [12]);
    assert.deepEqual(
      bench.driver.posted.map(({ what }) => what),
      ['accept'],
    );
  });

  for (const errno of [EMFILE, ECONNABORTED]) {
    test(`an accept cancelled just before error ${errno} completes, and is not posted again`, () => {
      const bench = new Bench();
      const slot = bench.read(bench.socket('listening'), ACCEPT);
      bench.operations.cancelled[slot] = 1;
      bench.complete(slot, -errno);
      assert.deepEqual(
        bench.take().map(({ code, more }) => [code, more]),
        [['ECANCELED', false]],
      );
      assert.deepEqual(bench.driver.posted, []);
    });
  }

  test('a connection that arrives while its listener closes is closed, and the listener after its last completion', () => {
    const bench = new Bench();
    const listener = bench.socket('listening');
    const slot = bench.read(listener, ACCEPT);
    listener.state = 'closing';
    bench.complete(slot, 55, { more: true });
    assert.deepEqual(bench.driver.closedSockets, [55]);
    assert.deepEqual(bench.take(), []);
    bench.complete(slot, 56);
    assert.deepEqual(bench.driver.closedSockets, [55, 56, 10]);
    assert.deepEqual(
      bench.take().map(({ code }) => code),
      ['ECANCELED'],
    );
  });
});

describe('receives', () => {
  test('the buffer of data for a closing socket goes to a waiting receive', () => {
    const bench = new Bench();
    const waits = bench.socket('connected', 11);
    const waiting = bench.read(waits, RECEIVE);
    bench.complete(waiting, -ENOBUFS);
    assert.deepEqual(bench.driver.posted, []);
    const socket = bench.socket('connected');
    const slot = bench.read(socket, RECEIVE);
    socket.state = 'closing';
    bench.complete(slot, 9, { buffer: 1, more: true });
    assert.deepEqual(bench.driver.given, [1]);
    assert(bench.retries.receivesDue);
    bench.retries.retryReceives();
    assert.deepEqual(
      bench.driver.posted.map(({ what, slot: posted }) => [what, posted]),
      [['receive', waiting]],
    );
  });

  test('the buffer of a late completion goes to a waiting receive', () => {
    const bench = new Bench();
    const waiting = bench.read(bench.socket('connected', 11), RECEIVE);
    bench.complete(waiting, -ENOBUFS);
    assert(!bench.retries.receivesDue);
    bench.complete(9, 9, { buffer: 0, generation: 77 });
    assert(bench.retries.receivesDue);
    bench.retries.retryReceives();
    assert.equal(bench.driver.posted.length, 1);
    assert(!bench.retries.receivesDue);
  });

  test('a reset is an error, and the end of the stream is 0 bytes', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    bench.complete(bench.read(socket, RECEIVE), -ECONNRESET);
    bench.complete(bench.read(socket, RECEIVE), 0);
    assert.deepEqual(
      bench.take().map(({ code, bytes, more }) => [code, bytes, more]),
      [
        ['ECONNRESET', 0, false],
        [undefined, 0, false],
      ],
    );
  });

  test('an unknown error number is kept', () => {
    const bench = new Bench();
    bench.complete(bench.read(bench.socket('connected'), RECEIVE), -4095);
    const [completion] = bench.take();
    assert.equal(completion?.code, 'UNKNOWN_4095');
    assert.equal(completion?.toError().systemNumber, 4095);
    assert.equal(completion?.toError().errno, undefined);
  });
});

describe('sends', () => {
  const results = (bench: Bench): unknown[] => bench.take().map(({ context, bytes, code }) => [context, bytes, code]);

  test('sends queued after one in flight are sent together, and then the shutdown', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    const second = bench.send(socket, 6, 'b');
    bench.send(socket, 7, 'c');
    bench.shutdown(socket, 'end');
    bench.send(socket, 8, 'd');
    assert.deepEqual(
      bench.driver.posted.map(({ what, byteLength }) => [what, byteLength]),
      [['send', 5]],
    );
    bench.complete(first, 5);
    assert.deepEqual(
      bench.driver.posted.slice(1).map(({ what, byteLength }) => [what, byteLength]),
      [['gather', 13]],
    );
    bench.complete(second, 13);
    assert.deepEqual(results(bench), [
      ['a', 5, undefined],
      ['b', 6, undefined],
      ['c', 7, undefined],
      ['end', 0, undefined],
    ]);
    assert.deepEqual(bench.driver.posted.at(-1)?.byteLength, 8);
  });

  test('a short send continues where it stopped, over several queued sends', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    const slots = [5, 6, 7].map((length) => bench.send(socket, length, length));
    bench.complete(slots[0] as number, 2);
    assert.equal(bench.driver.posted.at(-1)?.byteLength, 3 + 6 + 7);
    bench.complete(slots[0] as number, 10);
    assert.equal(bench.driver.posted.at(-1)?.slot, slots[2]);
    assert.equal(bench.driver.posted.at(-1)?.byteLength, 6);
    bench.complete(slots[2] as number, 6);
    assert.deepEqual(results(bench), [
      [5, 5, undefined],
      [6, 6, undefined],
      [7, 7, undefined],
    ]);
  });

  test('an error completes all queued sends in order', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    bench.send(socket, 6, 'b');
    bench.shutdown(socket, 'end');
    bench.complete(first, -ECONNRESET);
    assert.deepEqual(results(bench), [
      ['a', 0, 'ECONNRESET'],
      ['b', 0, 'ECONNRESET'],
      ['end', 0, 'ECONNRESET'],
    ]);
    assert.equal(bench.sendMemory.blocksHeld, 0);
  });

  test('a cancel completes queued sends at once, and one in flight when the driver reports it', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    bench.send(socket, 6, 'b');
    bench.router.sends.cancelAll(socket);
    assert.deepEqual(results(bench), [['b', 0, 'ECANCELED']]);
    assert.equal(bench.driver.posted.at(-1)?.what, 'cancel');
    // It was cancelled half way: the kernel says how far it came, not that it was cancelled.
    bench.complete(first, 2);
    assert.deepEqual(results(bench), [['a', 0, 'ECANCELED']]);
    assert.equal(bench.operations.inFlight, 0);
  });

  test('a cancel that is too late has no effect on its send, nor on later ones', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    bench.router.sends.cancelAll(socket);
    bench.complete(first, 5);
    const second = bench.send(socket, 6, 'b');
    const third = bench.send(socket, 7, 'c');
    bench.complete(second, 6);
    bench.complete(third, 7);
    assert.deepEqual(results(bench), [
      ['a', 5, undefined],
      ['b', 6, undefined],
      ['c', 7, undefined],
    ]);
  });

  test('a failed shutdown reports its error', () => {
    const bench = new Bench();
    bench.driver.shutdownError = 107;
    bench.shutdown(bench.socket('connected'), 'end');
    assert.deepEqual(results(bench), [['end', 0, 'ENOTCONN']]);
  });
});

describe('a queue of waiting operations', () => {
  const ENTRY_BYTES = 65536;
  const ROUNDS = 20_000;

  test('is first in, first out, and does not retain removed entries even if it is never empty', () => {
    const fifo = new Fifo<Buffer>();
    const entry = (number: number): Buffer => {
      const bytes = Buffer.allocUnsafeSlow(ENTRY_BYTES);
      bytes.writeInt32LE(number);
      return bytes;
    };
    const numberOf = (bytes: Buffer): number => bytes.readInt32LE();
    for (let number = 0; number < 100; number++) {
      fifo.push(entry(number));
    }
    for (let round = 0; round < ROUNDS; round++) {
      assert.equal(numberOf(fifo.first), round);
      assert.equal(numberOf(fifo.shift()), round);
      fifo.push(entry(round + 100));
    }
    assert.equal(fifo.length, 100);
    const kept = process.memoryUsage().arrayBuffers;
    assert.ok(kept < (ROUNDS * ENTRY_BYTES) / 2, `${kept} bytes`);
    fifo.putBack([entry(-2), entry(-1)]);
    assert.deepEqual([fifo.length, ...[1, 2, 3].map(() => numberOf(fifo.shift()))], [102, -2, -1, ROUNDS]);
    while (fifo.length > 0) {
      fifo.shift();
    }
    fifo.push(entry(7));
    assert.equal(numberOf(fifo.first), 7);
  });
});

describe('operations that fail for a moment', () => {
  const EINTR = 4;
  const ENOMEM = 12;

  test('a cancelled operation that is interrupted completes as cancelled', () => {
    const bench = new Bench();
    const reads = [
      [bench.socket('connected', 10), RECEIVE],
      [bench.socket('listening', 11), ACCEPT],
    ] as const;
    for (const [socket, kind] of reads) {
      const slot = bench.read(socket, kind);
      bench.operations.cancelled[slot] = 1;
      bench.complete(slot, -EINTR);
    }
    const connecting = bench.socket('connecting', 12);
    const slot = bench.operations.allocate(CONNECT, connecting, undefined);
    connecting.connectSlot = slot;
    bench.operations.cancelled[slot] = 1;
    bench.complete(slot, -EINTR);
    assert.equal(connecting.state, 'failed');
    const codes = bench.take().map(({ kind, code }) => [kind, code]);
    assert.deepEqual(codes, [
      ['receive', 'ECANCELED'],
      ['accept', 'ECANCELED'],
      ['connect', 'ECANCELED'],
    ]);
  });

  test('a cancelled send that is interrupted completes as cancelled, with the bytes it had sent', () => {
    const bench = new Bench();
    const socket = bench.socket('connected');
    bench.send(socket, 100, 'first');
    bench.send(socket, 50, 'second');
    const slot = socket.firstSend;
    // The driver takes one whole, and a part of the next.
    bench.complete(slot, 100);
    const second = socket.firstSend;
    bench.complete(second, 20);
    bench.router.sends.cancelAll(socket);
    bench.complete(second, -EINTR);
    const ends = bench.take().map(({ context, code, bytes }) => [context, code, bytes]);
    assert.deepEqual(ends, [
      ['first', undefined, 100],
      ['second', 'ECANCELED', 0],
    ]);
    assert.equal(bench.operations.inFlight, 0);
  });

  /** Until what waits is due, and then it is posted. */
  function retry(bench: Bench): void {
    while (bench.driver.clock.now() < bench.retries.interruptedDueAt) {
      // It is due within a ms.
    }
    bench.retries.retryInterrupted((socket) => bench.router.sends.restart(socket));
  }

  test('wait and are posted again, and sends continue with the remaining bytes', () => {
    const bench = new Bench();
    const receiver = bench.socket('connected', 10);
    const receive = bench.read(receiver, RECEIVE);
    const accept = bench.read(bench.socket('listening', 11), ACCEPT);
    const sender = bench.socket('connected', 12);
    const send = bench.send(sender, 100, 'send');
    bench.complete(send, 30);
    bench.driver.posted.length = 0;
    bench.complete(receive, -ENOMEM);
    bench.complete(accept, -EINTR);
    bench.complete(send, -ENOMEM);
    assert.deepEqual([bench.take(), bench.driver.posted], [[], []]);
    assert(bench.retries.interruptedDueAt < Infinity);
    while (bench.retries.interruptedDueAt < Infinity) {
      retry(bench);
    }
    const posted = bench.driver.posted.map(({ what, slot, byteLength }) => [what, slot, byteLength]);
    assert.deepEqual(posted, [
      ['receive', receive, 0],
      ['accept', accept, 0],
      ['send', send, 70],
    ]);
    bench.complete(send, 70);
    assert.deepEqual(
      bench.take().map(({ context, bytes }) => [context, bytes]),
      [['send', 100]],
    );
  });

  test('complete if they are cancelled while they wait, and are not posted again', () => {
    const bench = new Bench();
    const sender = bench.socket('connected', 12);
    const send = bench.send(sender, 100, 'send');
    bench.complete(send, -ENOMEM);
    bench.router.sends.cancelAll(sender);
    assert.deepEqual(
      bench.take().map(({ code }) => code),
      ['ECANCELED'],
    );
    bench.driver.posted.length = 0;
    retry(bench);
    assert.deepEqual(bench.driver.posted, []);
  });
});
