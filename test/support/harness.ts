/** A port under test with a dequeuer: completions are taken by polling, so that Node's own sockets run meanwhile. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { setImmediate as nextIteration, setTimeout as sleep } from 'node:timers/promises';
import {
  type Completion,
  CompletionBatch,
  type CompletionPort,
  type CompletionPortOptions,
  type OperationKind,
  type OverlappedSocket,
  type SocketAddress,
} from 'overlapped/port';
import { createPort } from './leftovers.js';
import { system } from './system.js';

/** The longest that a test waits for one thing. */
export const WAIT_MS = 20_000 * system.patience;

/** How long each iteration of the loop polls, and how long it sleeps briefly: others need the processor too. */
const EAGER_MS = 2;
const BRISK_MS = 200;

/** Waits up to this time are for nothing in particular. */
const SHORT_WAIT_MS = 50;

/** Between two polls, after one has waited for this time. */
async function pause(waitedMs: number): Promise<void> {
  await (waitedMs < EAGER_MS ? nextIteration() : sleep(waitedMs < BRISK_MS ? 1 : 5));
}

/** A completion, copied out of its batch. */
export interface Seen {
  readonly kind: OperationKind;
  readonly socket: OverlappedSocket | undefined;
  readonly key: unknown;
  readonly context: unknown;
  readonly bytes: number;
  readonly more: boolean;
  readonly accepted: OverlappedSocket | undefined;
  readonly code: string | undefined;
  readonly data: Buffer | undefined;
  readonly error: Error | undefined;
}

function copyOf(completion: Completion): Seen {
  const { kind, socket, key, context, bytes, more, accepted, code } = completion;
  const data = completion.buffer === undefined ? undefined : Buffer.from(completion.data);
  const error = code === undefined ? undefined : completion.toError();
  return { kind, socket, key, context, bytes, more, accepted, code, data, error };
}

/** Takes a port's completions and keeps them until they are asked for. */
export class Dequeuer {
  readonly port: CompletionPort;
  readonly seen: Seen[] = [];
  /** Every completion ever dequeued. */
  readonly all: Seen[] = [];
  /** Called with the live completion, before its buffer goes back. */
  hook: ((completion: Completion) => void) | undefined;
  readonly #batch: CompletionBatch;

  constructor(port: CompletionPort, completionsMax = 256) {
    this.port = port;
    this.#batch = new CompletionBatch(completionsMax);
  }

  /** Dequeues once; returns how many came. */
  take(timeoutMs = 0): number {
    // Where a dequeue cannot wait, a short wait that a test makes for something else is left out.
    const waitMs = this.port.driver === 'node' && timeoutMs <= SHORT_WAIT_MS ? 0 : timeoutMs;
    const count = this.port.getQueuedCompletions(this.#batch, waitMs);
    for (let index = 0; index < count; index++) {
      const completion = this.#batch.at(index);
      const seen = copyOf(completion);
      this.hook?.(completion);
      this.seen.push(seen);
      this.all.push(seen);
    }
    this.#batch.clear();
    return count;
  }

  /** Polls, with an iteration of the event loop between, until `condition` holds; not beyond `waitMs` without a completion. */
  async until(condition: () => boolean, what: string, waitMs = WAIT_MS): Promise<void> {
    let cameAt = performance.now();
    while (!condition()) {
      const now = performance.now();
      assert(now - cameAt < waitMs, `Did not come in ${waitMs} ms: ${what}`);
      if (!this.port.isClosed && this.take() > 0) {
        cameAt = now;
      } else {
        await pause(now - cameAt);
      }
    }
  }

  /** The oldest completion that fits and was not taken yet. */
  async next(kind: OperationKind, socket?: OverlappedSocket, waitMs = WAIT_MS): Promise<Seen> {
    const find = (): number =>
      this.seen.findIndex((seen) => seen.kind === kind && (socket === undefined || seen.socket === socket));
    await this.until(() => find() >= 0, `a completion of ${kind}`, waitMs);
    return this.seen.splice(find(), 1)[0] as Seen;
  }

  /** Receives until the end of the stream or an error; keeps a receive posted. */
  async receiveAll(socket: OverlappedSocket, bytesMax = Infinity): Promise<{ data: Buffer; code: string | undefined }> {
    const pieces: Buffer[] = [];
    let total = 0;
    while (total < bytesMax) {
      const seen = await this.next('receive', socket);
      if (seen.code !== undefined || seen.bytes === 0) {
        return { data: Buffer.concat(pieces), code: seen.code };
      }
      pieces.push(seen.data as Buffer);
      total += seen.bytes;
      if (!seen.more) {
        this.port.postReceive(socket);
      }
    }
    return { data: Buffer.concat(pieces), code: undefined };
  }
}

export const LOOPBACK: SocketAddress = { family: 'ipv4', address: '127.0.0.1', port: 0 };

/** A listening socket of the port, with an accept posted. */
export function listenOn(port: CompletionPort, address: SocketAddress = LOOPBACK, backlog?: number): OverlappedSocket {
  const listener = port.createSocket(address.family);
  listener.bind(address);
  listener.listen(backlog);
  port.associate(listener, 'listener');
  port.postAccept(listener);
  return listener;
}

export function portOf(socket: OverlappedSocket): number {
  const address = socket.localAddress();
  assert(address.family !== 'unix');
  return address.port;
}

/** Two connected sockets of one port. */
export interface Pair {
  readonly listener: OverlappedSocket;
  readonly client: OverlappedSocket;
  readonly server: OverlappedSocket;
}

/** Sets options of the sockets before they are connected: windows are agreed then. */
export type Prepare = (socket: OverlappedSocket) => void;

/** Tests that set options of the system for the sake of small buffers run with its usual ones where it has no such options. */
function leniently(prepare: Prepare, socket: OverlappedSocket, driver: string): void {
  try {
    prepare(socket);
  } catch (error) {
    if (driver !== 'node' || (error as NodeJS.ErrnoException).code !== 'ENOPROTOOPT') {
      throw error;
    }
  }
}

export async function connectPair(
  dequeuer: Dequeuer,
  prepare: Prepare = () => undefined,
  address: SocketAddress = LOOPBACK,
): Promise<Pair> {
  const { port } = dequeuer;
  const listener = port.createSocket(address.family);
  leniently(prepare, listener, port.driver);
  listener.bind(address);
  listener.listen();
  port.associate(listener, 'listener');
  port.postAccept(listener);
  const client = port.createSocket(address.family);
  leniently(prepare, client, port.driver);
  port.associate(client, 'client');
  port.postConnect(client, listener.localAddress());
  const connected = await dequeuer.next('connect', client);
  assert.equal(connected.code, undefined);
  const accept = await dequeuer.next('accept', listener);
  const server = accept.accepted as OverlappedSocket;
  port.associate(server, 'server');
  return { listener, client, server };
}

/** Runs `body` with a port that is closed in the end, with all its completions dequeued. */
export async function withPort(
  options: CompletionPortOptions,
  body: (dequeuer: Dequeuer, port: CompletionPort) => Promise<void> | void,
): Promise<void> {
  const port = createPort(options);
  const dequeuer = new Dequeuer(port);
  try {
    await body(dequeuer, port);
  } finally {
    port.close();
  }
  drain(dequeuer);
  const { sockets, operationsInFlight, completionsQueued, buffersLent, sendBlocksHeld } = port.statistics();
  assert.deepEqual(
    { sockets, operationsInFlight, completionsQueued, buffersLent, sendBlocksHeld },
    { sockets: 0, operationsInFlight: 0, completionsQueued: 0, buffersLent: 0, sendBlocksHeld: 0 },
  );
}

/** Dequeues what a closed port still has. */
export function drain(dequeuer: Dequeuer): void {
  dequeuer.hook = undefined;
  while (dequeuer.port.statistics().completionsQueued > 0) {
    dequeuer.take();
  }
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** From this size payloads repeat a block that is drawn once: drawing takes longer than sending. Its length is a prime, no chunk's. */
const REPEATING_BYTES_MIN = 65_536;
const BLOCK_BYTES = 1_048_583;
/** How far into the block the next payload begins, and the limit of that. */
const SHIFT_STEP = 4099;
const SHIFT_MAX = 65_536;

let block: Buffer | undefined;
let shift = 0;

/** Random bytes that also differ from call to call in every run. */
export function someBytes(byteLength: number): Buffer {
  if (byteLength < REPEATING_BYTES_MIN) {
    return randomBytes(byteLength);
  }
  block ??= randomBytes(BLOCK_BYTES);
  shift = (shift + SHIFT_STEP) % SHIFT_MAX;
  return Buffer.alloc(byteLength, block.subarray(shift));
}

let zeroBytes = Buffer.alloc(0);

/** Zeros for a send of which little leaves: all such sends share one memory, which no test changes. */
export function zeros(byteLength: number): Buffer {
  if (zeroBytes.byteLength < byteLength) {
    zeroBytes = Buffer.alloc(byteLength);
  }
  return zeroBytes.subarray(0, byteLength);
}

/** Bytes that encode their position, so that missing ones are recognized. */
export function countingBytes(byteLength: number): Buffer {
  const bytes = Buffer.alloc(byteLength);
  for (let index = 0; index < byteLength; index++) {
    bytes[index] = (index * 31 + (index >> 8)) & 255;
  }
  return bytes;
}

/** `condition` without a port: polled at each iteration of the loop, which sleeps when this takes longer. */
export async function eventually(condition: () => boolean, what: string, waitMs = WAIT_MS): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    const waited = performance.now() - start;
    assert(waited < waitMs, `Did not come in ${waitMs} ms: ${what}`);
    await pause(waited);
  }
}

/** A promise that is waited for no longer than `waitMs`. */
export async function inTime<Value>(promise: Promise<Value>, what: string, waitMs = WAIT_MS): Promise<Value> {
  const wait = new AbortController();
  const tooLate = sleep(waitMs, undefined, { signal: wait.signal }).then(() =>
    assert.fail(`Did not come in ${waitMs} ms: ${what}`),
  );
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    wait.abort();
  }
}

/**
 * Runs a body that measures time or memory until it passes, a few times at the most: a machine that stalls makes things
 * late, and code that V8 makes meanwhile takes memory, but not time after time.
 */
export async function onceInTime(body: () => Promise<void> | void, tries = 4): Promise<void> {
  for (let count = 1; count < tries; count++) {
    try {
      return await body();
    } catch {
      // The last attempt reports the failure.
    }
  }
  await body();
}

/** The longest of some times, but for those few at which the machine may have stalled. */
export function longestBut(count: number, times: readonly number[]): number {
  assert(times.length > 2 * count);
  return [...times].sort((a, b) => a - b).at(-1 - count) as number;
}

/** Half a megabyte comes from one socket to the other, whose receive is then cancelled. */
export async function sendAndCancel(
  dequeuer: Dequeuer,
  client: OverlappedSocket,
  server: OverlappedSocket,
): Promise<void> {
  const { port } = dequeuer;
  const data = someBytes(500_000);
  port.postReceive(server);
  port.postSend(client, data);
  const { data: back } = await dequeuer.receiveAll(server, data.byteLength);
  assert.equal(sha256(back), sha256(data));
  port.cancel(server, 'receive');
  assert.equal((await dequeuer.next('receive', server)).code, 'ECANCELED');
}
