/**
 * Bad input for a server over TLS: streams that are changed on their way, cut, and come in pieces; clients that are none of
 * TLS, and handshakes that stop. Each connection ends with a reason, its program gets only what was sent, nothing of it
 * is left, and the process lives.
 */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { setImmediate as nextIteration } from 'node:timers/promises';
import type { SecureVersion } from 'node:tls';
import { inUseReader } from '../../bench/servers/memory-in-use.js';
import { WAIT_MS } from '../support/harness.js';
import { makeServerCertificate } from '../support/x509.js';
import { EvilPeer } from './evil-peer.js';
import { ATTACKS, type Attack } from './floods.js';
import { clientHello, END_KINDS, RUBBISH, sendRaw } from './raw.js';
import { inParallel, type Outcome, runSession, type SessionOptions } from './session.js';
import { checkNothingLeft, type Implementation, type Subject, until, Witness } from './subject.js';
import { type Change, type Changes, TamperingProxy } from './tampering-proxy.js';

/** The long form changes every byte; see `npm run stress:tls`. */
const isLong = process.env.OVERLAPPED_BAD_INPUT === 'long';

/** Every how many bytes a stream is changed, and how often other things are done. */
const STRIDE = isLong ? 1 : 59;
const STOPPED_HANDSHAKES = isLong ? 10_000 : 300;
const PIECES_BYTES = isLong ? 200_000_000 : 2_000_000;

const SESSIONS_AT_ONCE = 40;
const HANDSHAKE_TIMEOUT_MS = 1000;
const PATIENT_MS = WAIT_MS / 2;
const TIMEOUT_MS = isLong ? 3_600_000 : 15 * WAIT_MS;
/** A flip in the version of a record before encryption is not detected. */
const DETECTED_MIN = 0.9;
/** The memory that a flood may take while it lasts, the client's own garbage included. */
const ATTACK_BYTES_MAX = 100_000_000;
/** One object of OpenSSL for a connection has more than 5 KB. */
const LEAK_BYTES_MAX = 1000;
/** How often memory is compared. Code that V8 makes meanwhile, and tables that grow, take it once; a leak each time. */
const LEAK_CHECKS_MAX = 4;

const VERSIONS = ['TLSv1.3', 'TLSv1.2'] as const;
const DIRECTIONS = ['toServer', 'toClient'] as const;
const KINDS = ['flip', 'drop', 'repeat', 'end', 'reset'] as const;

const { authority, server: certificate } = makeServerCertificate();

/** No connections but those through the proxy. */
const NO_RAW = (): number => 0;

interface Scene {
  readonly subject: Subject;
  readonly proxy: TamperingProxy;
  readonly witness: Witness;
}

async function withScene(
  implementation: Implementation,
  body: (scene: Scene) => Promise<void>,
  raw = NO_RAW,
  handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS,
): Promise<void> {
  const witness = new Witness();
  const { cert, key } = certificate;
  const subject = await implementation.serve({ cert, key, handshakeTimeoutMs, witness });
  const proxy = await TamperingProxy.to(subject.port);
  try {
    await body({ subject, proxy, witness });
    await until(
      () => proxy.isIdle,
      () => 'the end of all connections through the proxy',
    );
    await checkNothingLeft(subject, witness, proxy.dialled + raw());
  } finally {
    proxy.close();
    await subject.close();
  }
}

let sessions = 0;
let inUse: (() => number) | undefined;

const session = (proxy: TamperingProxy, version: SecureVersion, more: Partial<SessionOptions> = {}): Promise<Outcome> =>
  runSession(proxy, { id: ++sessions, version, authority: authority.cert, ...more });

function changeAt(kind: (typeof KINDS)[number], at: number): Change {
  return kind === 'flip' ? { kind, at, mask: 1 << randomInt(8) } : { kind, at };
}

/** Positions of a stream, the first one at random. */
function positions(byteLength: number): readonly number[] {
  const first = randomInt(STRIDE);
  return Array.from({ length: Math.ceil((byteLength - first) / STRIDE) }, (_, index) => first + index * STRIDE);
}

/** A stream with a change at each position. @returns the outcomes */
async function changeEach(
  { proxy }: Scene,
  version: SecureVersion,
  direction: (typeof DIRECTIONS)[number],
  kind: (typeof KINDS)[number],
): Promise<readonly Outcome[]> {
  // Short messages, so that few positions are inside of data.
  const messages = [100, 300];
  const { isWhole, passed, error } = await session(proxy, version, { messages, silentMs: PATIENT_MS });
  assert(isWhole && error === undefined, error);
  const outcomes: Outcome[] = [];
  await inParallel(positions(passed[direction]), SESSIONS_AT_ONCE, async (at) => {
    const changes = { [direction]: changeAt(kind, at) } as Changes;
    outcomes.push(await session(proxy, version, { messages, changes }));
  });
  return outcomes;
}

export function badInput(implementation: Implementation): void {
  const { name, cleanEnd, reportsTruncation } = implementation;
  describe(`bad input for ${name}`, { timeout: TIMEOUT_MS }, () => {
    for (const version of VERSIONS) {
      test(`sessions of ${version} are whole, and resumed`, () =>
        withScene(implementation, async ({ proxy, witness }) => {
          const first = await session(proxy, version, { silentMs: PATIENT_MS });
          const second = await session(proxy, version, { session: first.session, silentMs: PATIENT_MS });
          for (const { isWhole, error } of [first, second]) {
            assert(isWhole && error === undefined, error);
          }
          assert.deepEqual([first.isResumed, second.isResumed], [false, true]);
          assert.deepEqual(new Set(witness.ends), new Set([cleanEnd]));
        }));

      for (const direction of DIRECTIONS) {
        for (const kind of KINDS) {
          test(`${version}, ${direction}, ${kind}`, () =>
            withScene(implementation, async (scene) => {
              const outcomes = await changeEach(scene, version, direction, kind);
              const whole = outcomes.filter(({ isWhole, error }) => isWhole && error === undefined).length;
              if (kind === 'flip') {
                assert(whole <= outcomes.length * (1 - DETECTED_MIN), `${whole} of ${outcomes.length} not detected`);
              }
              if (kind === 'end' && direction === 'toServer' && reportsTruncation) {
                const clean = scene.witness.ends.filter((reason) => reason === cleanEnd).length;
                // The one without a change.
                assert.equal(clean, 1);
              }
            }));
        }
      }

      test(`${version}, one byte at a time`, () =>
        withScene(
          implementation,
          async ({ proxy }) => {
            const change: Change = { kind: 'pieces', nextBytes: () => 1 };
            const changes = { toServer: change, toClient: change };
            const messages = [100, 2000];
            const { isWhole, error } = await session(proxy, version, { changes, messages, silentMs: PATIENT_MS });
            assert(isWhole && error === undefined, error);
          },
          NO_RAW,
          PATIENT_MS,
        ));

      test(`${version}, many bytes in random pieces, on resumed sessions`, () =>
        withScene(implementation, ({ proxy }) => randomPieces(proxy, version), NO_RAW, PATIENT_MS));
    }

    for (const attack of ATTACKS) {
      test(`after the handshake: ${attack.name}`, () => attackWith(implementation, attack));
    }

    test('clients that are none of TLS', async () => {
      let raw = 0;
      const run = async ({ subject, witness }: Scene): Promise<void> => {
        for (const { name: what, bytes, reason } of RUBBISH) {
          for (const end of END_KINDS) {
            raw++;
            await sendRaw(subject.port, bytes, end);
            await checkNothingLeft(subject, witness, raw);
            const found = witness.ends.at(-1) as string;
            assert.notEqual(found, cleanEnd, what);
            if (end === 'wait' && reason !== undefined) {
              assert.match(found, reason, what);
            }
          }
        }
      };
      await withScene(implementation, run, () => raw);
    });

    test(`${STOPPED_HANDSHAKES} handshakes that stop half-way, and no memory of them`, async () => {
      let raw = 0;
      const hello = await clientHello();
      const stop = async ({ subject }: Scene, count: number): Promise<void> => {
        const ends = Array.from({ length: count }, (_, index) => END_KINDS[index % END_KINDS.length] ?? 'wait');
        raw += count;
        await inParallel(ends, 10 * SESSIONS_AT_ONCE, (end) =>
          sendRaw(subject.port, hello.subarray(0, 1 + randomInt(hello.length)), end),
        );
      };
      const run = async (scene: Scene): Promise<void> => {
        let before = -Infinity;
        let each = Infinity;
        for (let checks = 0; checks <= LEAK_CHECKS_MAX && each >= LEAK_BYTES_MAX; checks++) {
          await stop(scene, STOPPED_HANDSHAKES);
          await checkNothingLeft(scene.subject, scene.witness, raw);
          const after = await bytesInUse();
          each = (after - before) / STOPPED_HANDSHAKES;
          before = after;
        }
        assert(each < LEAK_BYTES_MAX, `${each} bytes for each connection`);
        assert(!scene.witness.ends.includes(cleanEnd));
      };
      await withScene(implementation, run, () => raw);
    });
  });
}

async function attackWith(implementation: Implementation, attack: Attack): Promise<void> {
  const run = async ({ subject, witness }: Scene): Promise<void> => {
    const { turns = 1, isLegal = false } = attack;
    const client = await EvilPeer.to(subject.port, authority.cert);
    try {
      const before = process.memoryUsage.rss();
      let state = 'taken';
      for (let turn = 0; turn < turns && state === 'taken'; turn++) {
        state = await client.send(attack.records(client, turn));
      }
      assert(process.memoryUsage.rss() - before < ATTACK_BYTES_MAX);
      if (!isLegal && implementation.endsAttacks) {
        client.resume();
        await until(
          () => Object.values(subject.counts()).every((count) => count === 0),
          () => `the server's end: ${JSON.stringify(subject.counts())}`,
        );
      }
    } finally {
      client.destroy();
    }
    await checkNothingLeft(subject, witness, 1);
  };
  await withScene(implementation, run, () => 1);
}

async function randomPieces(proxy: TamperingProxy, version: SecureVersion): Promise<void> {
  const change: Change = {
    kind: 'pieces',
    nextBytes: () => 1 + (randomInt(4) === 0 ? randomInt(40_000) : randomInt(600)),
  };
  const changes = { toServer: change, toClient: change };
  const first = await session(proxy, version, { silentMs: PATIENT_MS });
  const messages: number[] = [];
  for (let sent = 0; sent < PIECES_BYTES; sent += messages.at(-1) as number) {
    messages.push(1 + randomInt(100_000));
  }
  const { isWhole, isResumed, error } = await session(proxy, version, {
    changes,
    messages,
    session: first.session,
    silentMs: PATIENT_MS,
  });
  assert(isWhole && isResumed && error === undefined, error);
}

/** The bytes in use after collections, between which finalizers run. */
async function bytesInUse(): Promise<number> {
  inUse ??= await inUseReader();
  for (let turn = 0; turn < 3; turn++) {
    inUse();
    await nextIteration();
  }
  return inUse();
}
