/** Each end refuses a peer of node:tls that it must not trust, or that is too old, and both learn why. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import tls from 'node:tls';
import type { SystemDriverName } from 'overlapped/port';
import { EvilPeer, INNER } from '../bad-input/evil-peer.js';
import { authority, expired, type Identity, ofServer, unknown } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { errorOf, readAll, scenes, type TlsStage } from './subject.js';

interface ClientOptions {
  readonly ca: string;
  readonly servername?: string;
}

/** Functions of node:tls since Node 22.19. */
interface TrustedByDefault {
  readonly getCACertificates?: (type: 'default') => readonly string[];
  readonly setDefaultCACertificates?: (certificates: readonly string[]) => void;
}

/** Options of both implementations. */
type Versions = Pick<tls.SecureContextOptions, 'minVersion' | 'maxVersion' | 'ciphers'>;

/** The reason, the server's certificate, the client's options, and the code of the client's error. */
export const UNTRUSTED: readonly (readonly [string, Identity, ClientOptions, string])[] = [
  ['a certificate that has expired', expired, { ca: authority.cert }, 'CERT_HAS_EXPIRED'],
  ['an authority that is unknown', ofServer, { ca: unknown.cert }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['a certificate that has signed itself', unknown, { ca: authority.cert }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [
    'the certificate of another host',
    ofServer,
    { ca: authority.cert, servername: 'elsewhere.example' },
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
];

/** Versions of both ends that have none in common. TLS 1.0 and 1.1 need ciphers that OpenSSL's default level forbids. */
const OLD_CIPHERS = 'DEFAULT@SECLEVEL=0';
const TOO_OLD: readonly (readonly [string, Versions, Versions])[] = [
  ['a client of TLS 1.0, by default', {}, { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: OLD_CIPHERS }],
  ['a client of TLS 1.1, by default', {}, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: OLD_CIPHERS }],
  ['a client of TLS 1.2, if 1.3 is demanded', { minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
  ['a server of TLS 1.2, if 1.3 is demanded', { maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
];

const ALERT = 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION';
const UNSUPPORTED = 'ERR_SSL_UNSUPPORTED_PROTOCOL';

/** The error of a client of node:tls that is refused, or refuses. */
async function codeOf(socket: tls.TLSSocket): Promise<string | undefined> {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

/** A fatal alert after the handshake, `handshake_failure`. */
const FATAL = Buffer.from([2, 40]);

async function servesOthers(stage: TlsStage, port: number): Promise<void> {
  const socket = stage.client(port);
  socket.end('still there');
  assert.equal(String(await readAll(socket)), 'still there');
}

/** A server of node:tls, and the errors of clients that it has not accepted. */
async function nodeServer(
  stage: TlsStage,
  options: tls.SecureContextOptions,
): Promise<{ readonly port: number; readonly codes: (string | undefined)[]; accepted(): number }> {
  const codes: (string | undefined)[] = [];
  let accepted = 0;
  const server = tls.createServer({ ...ofServer, ...options }, (socket) => {
    accepted++;
    socket.on('error', () => undefined).resume();
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => codes.push(error.code));
  return { port: await stage.serve(server), codes, accepted: () => accepted };
}

export function refusing(driver: SystemDriverName): void {
  const scene = scenes(driver);

  for (const [what, { key, cert }, options, code] of UNTRUSTED) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      scene(`a client refuses a server of node:tls with ${what} (${maxVersion})`, async (stage) => {
        const server = await nodeServer(stage, { key, cert, maxVersion });
        const refused = await errorOf(stage.connect({ port: server.port, tls: options }));
        assert.equal(refused.code, code);
        // It has got our alert instead of the end of our handshake.
        await eventually(() => server.codes.length === 1, 'the error of the server');
        assert.match(String(server.codes), /^ERR_SSL_SSL(?:V3|\/TLS)_ALERT_CERTIFICATE_UNKNOWN$/);
        assert.equal(server.accepted(), 0);
      });
    }

    scene(`a client of node:tls refuses our server with ${what}`, async (stage) => {
      const server = await stage.listen({ tls: { key, cert } });
      assert.equal(await codeOf(stage.client(server.port, options)), code);
      await eventually(() => server.connectionsCount === 0, 'the end of the connection');
    });
  }

  scene('a client that TLS 1.3 lets in before the server refuses it learns why', async (stage) => {
    const server = await stage.listen({ tls: { requestCert: true, ca: authority.cert } });
    for (const [identity, code] of [
      [unknown, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
      [undefined, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    ] as const) {
      const errors: unknown[] = [];
      const client = await stage.connect({
        port: server.port,
        tls: { ca: authority.cert, ...identity },
        data: () => undefined,
        end: () => errors.push('a clean end'),
        error: (_, error) => errors.push((error as NodeJS.ErrnoException).code),
      });
      assert.equal(await client.closed, 'tls_error');
      assert.deepEqual(errors, [code]);
    }
  });

  scene('a fatal alert is no clean end', async (stage) => {
    const server = await stage.listen();
    const client = await EvilPeer.to(server.port, authority.cert);
    await client.send(client.record(INNER.alert, FATAL));
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.equal(stage.ends[0]?.reason, 'tls_error');
    assert.match(stage.ends[0]?.code ?? '', /^ERR_SSL_SSL(?:V3|\/TLS)_ALERT_HANDSHAKE_FAILURE$/);
    client.destroy();
  });

  for (const [what, served, demanded] of TOO_OLD) {
    scene(`our server and a client of node:tls: ${what}`, async (stage) => {
      const server = await stage.listen({ tls: served });
      assert.equal(await codeOf(stage.client(server.port, demanded)), ALERT);
      await eventually(() => server.statistics().tls.failed === 1, 'the failure');
      assert.deepEqual(server.statistics().errorsByCode, { [UNSUPPORTED]: 1 });
      assert.deepEqual(stage.ends, []);
      if (served.maxVersion === undefined) {
        await servesOthers(stage, server.port);
      }
    });

    scene(`a server of node:tls and our client: ${what}`, async (stage) => {
      const server = await nodeServer(stage, served);
      const connecting = stage.connect({ port: server.port, tls: { ca: authority.cert, ...demanded } });
      assert.equal((await errorOf(connecting)).code, ALERT);
      await eventually(() => server.codes.length === 1, 'the error of the server');
      assert.deepEqual(server.codes, [UNSUPPORTED]);
    });
  }

  scene(
    'with the oldest versions, too, a server of another name does not get the end of the handshake',
    async (stage) => {
      for (const maxVersion of ['TLSv1', 'TLSv1.1', 'TLSv1.2'] as const) {
        const old = { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
        const server = tls.createServer({ ...ofServer, ...old });
        const ends: string[] = [];
        server.on('secureConnection', () => ends.push('open'));
        server.on('tlsClientError', () => ends.push('refused'));
        const port = await stage.serve(server);
        const options = { ca: authority.cert, servername: 'elsewhere.example', ...old };
        assert.equal((await errorOf(stage.connect({ port, tls: options }))).code, 'ERR_TLS_CERT_ALTNAME_INVALID');
        await eventually(() => ends.length > 0, 'the end');
        assert.deepEqual(ends, ['refused']);
      }
    },
  );

  scene('defaults of node:tls that change later count', async (stage) => {
    const port = await stage.serve(tls.createServer({ ...ofServer, maxVersion: 'TLSv1.2' }));
    const connect = (): Promise<unknown> => stage.connect({ port, tls: { servername: 'localhost' } });
    const { DEFAULT_MIN_VERSION: before } = tls;
    assert.equal((await errorOf(connect())).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    try {
      tls.DEFAULT_MIN_VERSION = 'TLSv1.3';
      assert.equal((await errorOf(connect())).code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    } finally {
      tls.DEFAULT_MIN_VERSION = before;
    }
    assert.equal((await errorOf(connect())).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  const { getCACertificates, setDefaultCACertificates } = tls as unknown as TrustedByDefault;
  scene('a certificate that is distrusted later is refused', async (stage) => {
    if (getCACertificates === undefined || setDefaultCACertificates === undefined) {
      return;
    }
    const { port } = await stage.listen();
    const connect = () => stage.connect({ port, tls: { servername: 'localhost' }, data: () => undefined });
    const before = getCACertificates('default');
    try {
      setDefaultCACertificates([authority.cert]);
      (await connect()).destroy();
    } finally {
      setDefaultCACertificates(before);
    }
    assert.equal((await errorOf(connect())).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
}
