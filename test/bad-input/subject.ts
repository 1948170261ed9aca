/** A server over TLS that is given bad input, and the witness of what reaches its program. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { WAIT_MS } from '../support/harness.js';
import { ID_BYTES, idOf, plainOf } from './plain.js';

/** How often a wait looks again. */
const LOOK_MS = 5;

export interface SubjectOptions {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly handshakeTimeoutMs: number;
  /** Gets each connection's received bytes and its end, handshakes that fail included. */
  readonly witness: Witness;
}

/** A running server that sends back what it receives. */
export interface Subject {
  readonly port: number;
  /** Counts of open connections, objects of OpenSSL, and so on. All are 0 when nothing is connected. */
  counts(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** A way to serve. */
export interface Implementation {
  readonly name: string;
  /** The reason of a connection whose client has ended it with close_notify. */
  readonly cleanEnd: string;
  /** Whether an end without close_notify has a reason of its own. */
  readonly reportsTruncation: boolean;
  /** Whether it ends a connection whose client sends after the handshake what no honest client sends. */
  readonly endsAttacks: boolean;
  serve(options: SubjectOptions): Promise<Subject>;
}

/** Checks that a connection's program gets what its client has sent, in order, and nothing else. */
export class Witness {
  /** The reason of each connection that has ended. */
  readonly ends: string[] = [];
  /** The first thing that must not happen. */
  fault: string | undefined;
  readonly #connections = new WeakMap<object, { head: Buffer; place: number; wanted: Buffer | undefined }>();
  readonly #ended = new WeakSet<object>();

  data(connection: object, chunk: Buffer): void {
    const seen = this.#connections.get(connection) ?? { head: Buffer.alloc(0), place: 0, wanted: undefined };
    this.#connections.set(connection, seen);
    if (this.#ended.has(connection)) {
      this.fault ??= `${chunk.length} bytes after the end`;
    }
    if (seen.wanted === undefined) {
      seen.head = Buffer.concat([seen.head, chunk]);
      if (seen.head.length < ID_BYTES) {
        return;
      }
      seen.wanted = plainOf(idOf(seen.head));
      this.#check(seen.wanted, seen.head, 0);
      seen.place = seen.head.length;
      return;
    }
    this.#check(seen.wanted, chunk, seen.place);
    seen.place += chunk.length;
  }

  #check(wanted: Buffer, chunk: Buffer, place: number): void {
    for (let start = 0; start < chunk.length; ) {
      const at = (place + start) % wanted.length;
      const length = Math.min(chunk.length - start, wanted.length - at);
      if (chunk.compare(wanted, at, at + length, start, start + length) !== 0) {
        this.fault ??= `bytes at ${place + start} that the client has not sent`;
        return;
      }
      start += length;
    }
  }

  /** @param reason a close reason or an error's code */
  end(connection: object, reason: string | undefined): void {
    if (this.#ended.has(connection)) {
      this.fault ??= `a second end: ${reason}`;
    }
    this.#ended.add(connection);
    if (reason === undefined || reason === '') {
      this.fault ??= 'an end without a reason';
    }
    this.ends.push(`${reason}`);
  }
}

/** Waits for something that is sure to come, in bounded time. */
export async function until(condition: () => boolean, what: () => string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!condition()) {
    assert(performance.now() < deadline, `Did not come in ${WAIT_MS} ms: ${what()}`);
    await sleep(LOOK_MS);
  }
}

/** Each connection has ended with a reason, its program got only what was sent, and nothing is left of it. */
export async function checkNothingLeft(subject: Subject, witness: Witness, connections: number): Promise<void> {
  await until(
    () => witness.ends.length >= connections && Object.values(subject.counts()).every((count) => count === 0),
    () => `${witness.ends.length} of ${connections} ends, and nothing open: ${JSON.stringify(subject.counts())}`,
  );
  assert.equal(witness.fault, undefined);
  assert.equal(witness.ends.length, connections);
}
