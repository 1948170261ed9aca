/** `connect({ tls })` with servers that are none, whose bytes are changed on their way, and that attack after the handshake. */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { createServer as createPlain } from 'node:net';
import { describe, test } from 'node:test';
import { createServer, type SecureVersion } from 'node:tls';
import { type Connection, connect, Engine } from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import { tlsLibrary } from '../../src/tls/library.js';
import { liveSessions } from '../../src/tls/session.js';
import { authority, ofServer } from '../support/certificates.js';
import { SYSTEM_DRIVERS } from '../support/drivers.js';
import { WAIT_MS } from '../support/harness.js';
import { close, listening } from '../support/net-servers.js';
import { EvilPeer } from './evil-peer.js';
import { ATTACKS } from './floods.js';
import { plainOf } from './plain.js';
import { RUBBISH } from './raw.js';
import { inParallel } from './session.js';
import { until } from './subject.js';
import { type Change, TamperingProxy } from './tampering-proxy.js';

const isLong = process.env.OVERLAPPED_BAD_INPUT === 'long';
const STRIDE = isLong ? 1 : 397;
const TIMEOUT_MS = isLong ? 3_600_000 : 15 * WAIT_MS;
const AT_ONCE = 20;
const SAID_BYTES = 300;
const KINDS = ['flip', 'drop', 'repeat', 'end', 'reset'] as const;
const WHOLE = 'whole';

/** Has bytes echoed. @returns `whole`, or why not; it fails if anything comes back that was not sent */
async function talk(engine: Engine, port: number, version?: SecureVersion): Promise<string> {
  const said = plainOf(port).subarray(0, SAID_BYTES);
  let heard = 0;
  let wrong = false;
  let code: string | undefined;
  let client: Connection;
  try {
    client = await connect({
      engine,
      host: '127.0.0.1',
      port,
      tls: {
        ca: authority.cert,
        servername: 'localhost',
        handshakeTimeoutMs: 1000,
        ...(version && { minVersion: version, maxVersion: version }),
      },
      timeouts: { idleMs: 500, shutdownMs: 500 },
      data(connection, chunk) {
        wrong ||= !chunk.equals(said.subarray(heard, heard + chunk.length));
        heard += chunk.length;
        if (heard === SAID_BYTES) {
          connection.end();
        }
      },
      error: (_, error) => {
        code = (error as NodeJS.ErrnoException).code;
      },
    });
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
  client.write(said);
  const reason = await client.closed;
  assert(!wrong, 'The program got bytes that the server has not sent');
  return heard === SAID_BYTES && reason === 'finished' ? WHOLE : (code ?? reason);
}

async function withEngine(driver: SystemDriverName, body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = new Engine({ driver, poisonReleasedBuffers: true });
  try {
    await body(engine);
    await until(
      () => liveSessions() === 0 && engine.core.port.statistics().sockets === 0,
      () => `${liveSessions()} sessions, ${engine.core.port.statistics().sockets} sockets`,
    );
    const { buffersLent, operationsInFlight } = engine.core.port.statistics();
    const { queuedBytes, heldBytes } = engine;
    const recordsLent = tlsLibrary().records.lent;
    assert.deepEqual([buffersLent, operationsInFlight, queuedBytes, heldBytes, recordsLent], [0, 0, 0, 0, 0]);
  } finally {
    engine.close();
  }
}

const changeAt = (kind: (typeof KINDS)[number], at: number): Change =>
  kind === 'flip' ? { kind, at, mask: 1 << randomInt(8) } : { kind, at };

/** An honest server, each of whose bytes is changed once. */
async function changeEach(engine: Engine, version: SecureVersion, kind: (typeof KINDS)[number]): Promise<void> {
  const server = createServer(ofServer, (socket) => socket.on('error', () => undefined).pipe(socket));
  server.on('tlsClientError', () => undefined);
  const port = await listening(server);
  const through = async (change?: Change): Promise<readonly [string, number]> => {
    const proxy = await TamperingProxy.to(port, { toClient: change });
    try {
      return [await talk(engine, proxy.port, version), proxy.passed.toClient];
    } finally {
      proxy.close();
    }
  };
  const [unchanged, byteLength] = await through();
  assert.equal(unchanged, WHOLE);
  const positions: number[] = [];
  for (let at = randomInt(STRIDE); at < byteLength; at += STRIDE) {
    positions.push(at);
  }
  let whole = 0;
  await inParallel(positions, AT_ONCE, async (at) => {
    const [outcome] = await through(changeAt(kind, at));
    assert(outcome !== '' && outcome !== 'undefined', `no reason at ${at}`);
    whole += outcome === WHOLE ? 1 : 0;
  });
  // A few bytes count for nothing: the version of a record, tickets and the close_notify after the last message.
  assert(kind !== 'flip' || whole <= 0.3 * positions.length + 1, `${whole} of ${positions.length} not noticed`);
  await close(server);
}

for (const driver of SYSTEM_DRIVERS as readonly SystemDriverName[]) {
  describe(`bad input for connect({ tls }) on ${driver}`, { timeout: TIMEOUT_MS }, () => {
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
      for (const kind of KINDS) {
        test(`${version}, ${kind}`, () => withEngine(driver, (engine) => changeEach(engine, version, kind)));
      }
    }

    test('servers that are none of TLS', () =>
      withEngine(driver, async (engine) => {
        for (const { name, bytes } of RUBBISH) {
          for (const ends of [true, false]) {
            const server = createPlain((socket) => {
              socket.on('error', () => undefined).resume();
              socket.write(bytes);
              if (ends) {
                socket.end();
              }
            });
            const outcome = await talk(engine, await listening(server));
            assert.match(outcome, /^(?:ERR_(?:SSL|TLS)_\S+|ECONNRESET|EPIPE)$/, name);
            await close(server);
          }
        }
      }));

    for (const attack of ATTACKS.filter(({ isLegal }) => isLegal !== true)) {
      test(`after the handshake: ${attack.name}`, () =>
        withEngine(driver, async (engine) => {
          const { port, peer } = await EvilPeer.at(ofServer);
          const received: Buffer[] = [];
          const client = await connect({
            engine,
            host: '127.0.0.1',
            port,
            tls: { ca: authority.cert, servername: 'localhost' },
            data: (_, chunk) => void received.push(Buffer.from(chunk)),
          });
          const evil = await peer;
          const { turns = 1 } = attack;
          let state = 'taken';
          for (let turn = 0; turn < turns && state === 'taken'; turn++) {
            state = await evil.send(attack.records(evil, turn));
          }
          // A server may send tickets.
          if (attack.name !== 'a ticket') {
            evil.resume();
            const reason = await client.closed;
            assert.equal(reason, attack.name === 'data after close_notify' ? 'finished' : 'tls_error');
          }
          client.destroy();
          await client.closed;
          evil.destroy();
        }));
    }
  });
}
