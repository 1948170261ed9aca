/**
 * TLS of a scenario. Its certificates are of Ed25519, whose signatures all have the same length, and it has no session
 * tickets, whose length depends on random numbers of OpenSSL: so a seed repeats all of its events.
 */

import { constants } from 'node:crypto';
import { createSecureContext, type TlsConnectOptions, type TlsListenOptions } from 'overlapped';
import { tlsLibrary } from '../../src/tls/library.js';
import { liveSessions } from '../../src/tls/session.js';
import { makeCertificate, makeServerCertificate } from '../support/x509.js';
import { count } from './coverage.js';
import type { World } from './world.js';

/** The seeds with TLS are the multiples of this: a handshake takes as long as a whole small seed. */
export const SEEDS_WITH_TLS_APART = 8;

export function hasTls(seed: number): boolean {
  return seed % SEEDS_WITH_TLS_APART === 0;
}

const NO_TICKETS = { secureOptions: constants.SSL_OP_NO_TICKET } as const;
const VERSIONS = ['TLSv1.2', 'TLSv1.3', 'TLSv1.3'] as const;
const PROTOCOLS = ['one', 'two'];
const ANSWERS = ['context', 'context', 'context', 'default', 'default', 'default', 'error', 'never'] as const;
const SNI_MS_MAX = 300;
const HANDSHAKE_MS = 10_000;
/** A failed handshake has this time to send its alert, in ms. */
const ALERT_MS = 1000;

/** Made at the first use: most processes of the simulation need them, and those of other tests do not. */
let made: ReturnType<typeof makeIdentities> | undefined;

function makeIdentities() {
  const { authority, server } = makeServerCertificate('ed25519');
  const client = makeCertificate({ name: 'client', issuer: authority, keyType: 'ed25519' });
  const unknown = makeCertificate({ name: 'unknown', keyType: 'ed25519' });
  return {
    ca: authority.cert,
    server: { key: server.key, cert: server.cert },
    client: { key: client.key, cert: client.cert },
    unknown: unknown.cert,
  };
}

/** Counts what a key log brings. The engine may be about to close, or the connection. */
function keyLog(world: World): (line: string) => void {
  return () => count(world.coverage.marks, 'key log');
}

export class Security {
  readonly #world: World;
  /** Sessions that a failed seed has left are not this one's. */
  readonly #sessionsBefore = liveSessions();
  readonly #recordsBefore = tlsLibrary().records.lent;
  readonly #handshakeMs: number;
  readonly #asksClients: boolean;
  readonly #choosesProtocol: boolean;
  readonly #versions: {
    readonly minVersion: (typeof VERSIONS)[number];
    readonly maxVersion: (typeof VERSIONS)[number];
  };

  constructor(world: World) {
    made ??= makeIdentities();
    this.#world = world;
    const { chance } = world;
    this.#handshakeMs = chance.rate(0.3) ? chance.size(50, 4000) : HANDSHAKE_MS;
    this.#asksClients = chance.rate(0.3);
    this.#choosesProtocol = chance.rate(0.3);
    const version = chance.pick(VERSIONS);
    this.#versions = { minVersion: version, maxVersion: version };
  }

  /** The longest time from a connected socket to an open connection, or to its end. */
  get openMs(): number {
    return this.#handshakeMs + ALERT_MS;
  }

  /** The option of a server. */
  ofServer(): TlsListenOptions {
    const { ca, server } = made as NonNullable<typeof made>;
    const { chance } = this.#world;
    return {
      ...server,
      ...NO_TICKETS,
      ...this.#versions,
      handshakeTimeoutMs: this.#handshakeMs,
      ...(this.#asksClients ? { requestCert: true, ca } : {}),
      ...(this.#choosesProtocol ? { ALPNProtocols: PROTOCOLS } : {}),
      ...(chance.rate(0.3) ? { keylog: keyLog(this.#world) } : {}),
      ...(chance.rate(0.4) ? { SNICallback: this.#chooser() } : {}),
    };
  }

  /** An SNICallback that chooses a certificate, refuses, or never answers, at once or later. */
  #chooser(): NonNullable<TlsListenOptions['SNICallback']> {
    const { server } = made as NonNullable<typeof made>;
    const world = this.#world;
    const context = createSecureContext({ ...server, ...NO_TICKETS, ...this.#versions });
    return (_name, callback) => {
      const { chance } = world;
      const answer = chance.pick(ANSWERS);
      count(world.coverage.marks, `SNICallback: ${answer}`);
      const call = (): void => {
        if (answer === 'error') {
          callback(new Error('No such name'));
        } else if (answer !== 'never') {
          callback(null, answer === 'context' ? context : null);
        }
      };
      if (chance.rate(0.5)) {
        call();
      } else {
        world.after(chance.between(0, SNI_MS_MAX), call);
      }
    };
  }

  /** The option of a client. A few of them trust nobody that the scenario has. */
  ofClient(): TlsConnectOptions {
    const { ca, client, unknown } = made as NonNullable<typeof made>;
    const { chance } = this.#world;
    return {
      ca: chance.rate(0.95) ? ca : unknown,
      servername: 'localhost',
      ...this.#versions,
      handshakeTimeoutMs: this.#handshakeMs,
      ...(this.#asksClients && chance.rate(0.9) ? client : {}),
      ...(this.#choosesProtocol ? { ALPNProtocols: chance.pick([['two'], ['one', 'two'], ['three']]) } : {}),
      ...(chance.rate(0.2) ? { keylog: keyLog(this.#world) } : {}),
    };
  }

  /** In the end: nothing of OpenSSL is left, and nothing waits in the memory that connections share. */
  checkEnd(): void {
    const library = tlsLibrary();
    const nothing = (what: string, left: number): void =>
      this.#world.check(left <= 0, () => `${left} ${what} left of TLS`);
    nothing('sessions are', liveSessions() - this.#sessionsBefore);
    nothing('record buffers are', library.records.lent - this.#recordsBefore);
    nothing('encrypted bytes are', library.written);
    nothing('bytes to decrypt are', library.unread);
    nothing('errors of OpenSSL are', Number(library.openssl.ERR_get_error()));
  }
}
