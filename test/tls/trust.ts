/** Certificates: who is trusted, which one is shown, and what is known of a connection. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import tls from 'node:tls';
import { type Connection, createSecureContext, listen } from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import {
  authority,
  clientWithPem,
  expired,
  ofClient,
  ofOthers,
  ofServer,
  serverWithPem,
  unknown,
} from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { closed, errorOf, readAll, scenes, type TlsStage } from './subject.js';

const CA = authority.cert;

/** The name in the certificate that a server shows for a name. */
async function shownFor(stage: TlsStage, port: number, servername: string): Promise<string> {
  const socket = stage.client(port, { servername, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

export function trust(driver: SystemDriverName): void {
  const scene = scenes(driver);

  scene('a client refuses servers that it cannot verify', async (stage) => {
    const cases = [
      [unknown, 'DEPTH_ZERO_SELF_SIGNED_CERT', {}],
      [expired, 'CERT_HAS_EXPIRED', {}],
      [ofServer, 'ERR_TLS_CERT_ALTNAME_INVALID', { servername: 'elsewhere.example' }],
      [ofServer, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', { ca: unknown.cert }],
    ] as const;
    for (const [identity, code, options] of cases) {
      const server = await stage.listen({ tls: { key: identity.key, cert: identity.cert } });
      const refused = await errorOf(stage.connect({ port: server.port, tls: { ca: CA, ...options } }));
      assert.equal(refused.code, code);
      const client = await stage.connect({
        port: server.port,
        tls: { ca: CA, ...options, rejectUnauthorized: false },
        data: () => undefined,
      });
      assert.equal(client.tls?.authorized, false);
      assert.equal(client.tls?.authorizationError, code);
      client.destroy();
      await client.closed;
    }
  });

  scene('a certificate is itself, and not the one whose PEM is in it', async (stage) => {
    const seen: (string | undefined)[] = [];
    const server = await stage.listen({
      tls: { ...serverWithPem, requestCert: true, ca: CA },
      open: (connection) => {
        seen.push(connection.tls?.peerCertificate?.subject);
      },
    });
    const options = { ca: CA, ...clientWithPem };
    const { code } = await errorOf(stage.connect({ port: server.port, tls: options }));
    assert.equal(code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    const tlsOptions = { ...options, servername: 'evil.example' };
    const client = await stage.connect({ port: server.port, tls: tlsOptions, data: () => undefined });
    assert.equal(client.tls?.peerCertificate?.subject, 'CN=evil');
    await eventually(() => seen.length === 1, 'the server has the client');
    assert.deepEqual(seen, ['CN=Not a client']);
  });

  scene('by default a client trusts the roots of Node only', async (stage) => {
    const server = await stage.listen();
    for (const options of [true, {}] as const) {
      const { code } = await errorOf(stage.connect({ port: server.port, tls: options }));
      assert.equal(code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    }
  });

  scene('a client that checks the identity itself', async (stage) => {
    const server = await stage.listen();
    const asked: string[] = [];
    const checkServerIdentity = (host: string, { subject }: tls.PeerCertificate): Error | undefined => {
      asked.push(`${host} ${subject.CN}`);
      return asked.length === 1 ? new Error('not this one') : undefined;
    };
    const options = { ca: CA, servername: 'any.example', checkServerIdentity };
    assert.equal((await errorOf(stage.connect({ port: server.port, tls: options }))).message, 'not this one');
    const client = await stage.connect({ port: server.port, tls: options, data: () => undefined });
    assert.equal(client.tls?.authorized, true);
    assert.deepEqual(asked, ['any.example localhost', 'any.example localhost']);
  });

  scene('a server asks for certificates of clients', async (stage) => {
    const known: unknown[] = [];
    const open = ({ tls: info }: Connection): void => {
      known.push([info?.authorized, info?.authorizationError, info?.peerCertificate?.subject]);
    };
    const strict = await stage.listen({ open, tls: { requestCert: true, ca: CA } });
    const lenient = await stage.listen({ open, tls: { requestCert: true, ca: CA, rejectUnauthorized: false } });
    for (const [port, identity] of [
      [strict.port, ofClient],
      [lenient.port, unknown],
      [lenient.port, undefined],
    ] as const) {
      const socket = stage.client(port, identity === undefined ? {} : { key: identity.key, cert: identity.cert });
      socket.end('hello');
      assert.equal(String(await readAll(socket)), 'hello');
    }
    assert.deepEqual(known, [
      [true, undefined, 'CN=A client'],
      [false, 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CN=localhost'],
      [false, 'UNABLE_TO_GET_ISSUER_CERT', undefined],
    ]);
    for (const identity of [unknown, undefined]) {
      const socket = stage.client(
        strict.port,
        identity === undefined ? {} : { key: identity.key, cert: identity.cert },
      );
      await closed(socket);
    }
    await eventually(() => strict.statistics().tls.failed === 2, 'both are refused');
    assert.deepEqual(strict.statistics().errorsByCode, {
      DEPTH_ZERO_SELF_SIGNED_CERT: 1,
      ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 1,
    });
    const client = await stage.connect({
      port: strict.port,
      tls: { ca: CA, key: ofClient.key, cert: ofClient.cert },
      data: () => undefined,
    });
    assert.equal(client.tls?.authorized, true);
  });

  scene('clients with certificates resume sessions of a shared context', async (stage) => {
    const secureContext = createSecureContext({ ...ofServer, ca: CA });
    const server = await stage.listen({
      tls: { requestCert: true, SNICallback: (_, done) => done(null, secureContext) },
    });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      let session: Buffer | undefined;
      for (const resumed of [false, true]) {
        const client = await stage.connect({
          port: server.port,
          tls: {
            ca: CA,
            ...ofClient,
            servername: 'localhost',
            maxVersion,
            ...(session === undefined ? {} : { session }),
          },
          data: () => undefined,
        });
        assert.equal(client.tls?.resumed, resumed);
        await eventually(() => resumed || client.tls?.session !== undefined, 'the session');
        session = client.tls?.session;
        client.destroy();
        await client.closed;
      }
    }
    assert.deepEqual(server.statistics().errorsByCode, {});
  });

  scene('a client hears that its certificate was refused: it sees an error, and no end', async (stage) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const server = await stage.listen({ tls: { requestCert: true, ca: CA, maxVersion } });
      const seen: string[] = [];
      try {
        const client = await stage.connect({
          port: server.port,
          tls: { ca: CA, ...unknown },
          // The alert alone: bytes that were written would meet a reset.
          end: () => seen.push('end'),
          data: () => undefined,
          error: (_, error) => seen.push((error as NodeJS.ErrnoException).code ?? error.message),
        });
        seen.push(await client.closed);
      } catch (error) {
        // With TLS 1.2 the handshake is not done before.
        seen.push((error as NodeJS.ErrnoException).code ?? '');
      }
      assert.deepEqual(
        seen,
        maxVersion === 'TLSv1.2' ? ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'] : ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls_error'],
      );
    }
  });

  scene('a server has certificates by name, and renews them', async (stage) => {
    const server = await stage.listen({
      tls: {
        SNICallback: (name, callback) => {
          if (name === 'late.example') {
            setImmediate(callback, null, createSecureContext(unknown));
          } else if (name === 'wrong.example') {
            callback(new Error('no such name'));
          } else {
            callback(null);
          }
        },
      },
    });
    server.addContext('other.example', ofOthers);
    server.addContext('*.wild.example', createSecureContext(ofOthers));
    assert.equal(await shownFor(stage, server.port, 'localhost'), 'localhost');
    assert.equal(await shownFor(stage, server.port, 'OTHER.example'), 'other.example');
    assert.equal(await shownFor(stage, server.port, 'a.wild.example'), 'other.example');
    assert.equal(await shownFor(stage, server.port, 'a.b.wild.example'), 'localhost');
    const late = stage.client(server.port, { servername: 'late.example', rejectUnauthorized: false });
    await once(late, 'secureConnect');
    assert.equal(late.authorized, false);
    const wrong = stage.client(server.port, { servername: 'wrong.example' });
    await closed(wrong);
    server.setSecureContext(ofOthers);
    assert.equal(await shownFor(stage, server.port, 'localhost'), 'other.example');
    assert.throws(() => server.addContext('*', ofServer), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => server.setSecureContext({ key: 'none', cert: 'none' }));
    assert.equal(await shownFor(stage, server.port, 'localhost'), 'other.example');
  });

  scene('a name in a ClientHello of several records is seen', async (stage) => {
    const server = await stage.listen();
    server.addContext('other.example', ofOthers);
    const names = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(250, '.'));
    const socket = stage.client(server.port, { servername: 'other.example', ALPNProtocols: names });
    await once(socket, 'secureConnect');
    assert.equal(socket.getPeerCertificate().subject.CN, 'other.example');
    socket.destroy();
  });

  scene('protocols are chosen by ALPN', async (stage) => {
    const chosen: (string | undefined)[] = [];
    const open = (connection: Connection): void => {
      chosen.push(connection.tls?.alpnProtocol);
    };
    const server = await stage.listen({ open, tls: { ALPNProtocols: ['one', 'two'] } });
    const own = await stage.connect({
      port: server.port,
      tls: { ca: CA, ALPNProtocols: ['three', 'two'] },
      data: () => undefined,
    });
    assert.equal(own.tls?.alpnProtocol, 'two');
    const without = stage.client(server.port);
    await once(without, 'secureConnect');
    const refused = stage.client(server.port, { ALPNProtocols: ['three'] });
    await closed(refused);
    await eventually(() => server.statistics().tls.failed === 1, 'one is refused');
    const asking = await stage.listen({
      open,
      tls: { ALPNCallback: ({ servername, protocols }) => (servername === 'localhost' ? protocols[1] : undefined) },
    });
    const last = stage.client(asking.port, { ALPNProtocols: ['a', 'b'] });
    await once(last, 'secureConnect');
    assert.equal(last.alpnProtocol, 'b');
    await eventually(() => chosen.length === 3, 'all are open');
    assert.deepEqual(chosen, ['two', undefined, 'b']);
  });

  scene('both ends know the same of a connection', async (stage) => {
    const lines: string[] = [];
    const connections: Connection[] = [];
    const server = await stage.listen({
      open: (connection: Connection) => {
        connections.push(connection);
      },
      tls: { keylog: (line) => lines.push(line.split(' ')[0] as string) },
    });
    const socket = stage.client(server.port);
    await once(socket, 'secureConnect');
    await eventually(() => connections.length === 1, 'the connection');
    const [{ tls: info }] = connections as [Connection];
    assert.equal(info?.servername, 'localhost');
    assert.deepEqual(info?.cipher, socket.getCipher());
    assert.deepEqual(
      info?.exportKeyingMaterial(32, 'EXPORTER-test', Buffer.from('context')),
      socket.exportKeyingMaterial(32, 'EXPORTER-test', Buffer.from('context')),
    );
    assert.deepEqual(lines.includes('CLIENT_TRAFFIC_SECRET_0'), true);
    assert.throws(() => info?.exportKeyingMaterial(0, 'x'), { code: 'ERR_OUT_OF_RANGE' });
    socket.destroy();
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.equal(info?.protocol, undefined);
    assert.throws(() => info?.exportKeyingMaterial(8, 'x'), { code: 'ERR_TLS_NOT_OPEN' });
  });

  scene('a client of the engine resumes its session', async (stage) => {
    const server = await stage.listen();
    let session: Buffer | undefined;
    for (const resumed of [false, true]) {
      let echoed = false;
      const client: Connection = await stage.connect({
        port: server.port,
        tls: { ca: CA, ...(session === undefined ? {} : { session }) },
        data: () => {
          echoed = true;
        },
      });
      client.write('x');
      await eventually(() => echoed, 'the echo');
      assert.equal(client.tls?.resumed, resumed);
      assert.equal(client.tls?.authorized, true);
      session = client.tls?.session;
      client.end();
      await client.closed;
    }
    const { code } = await errorOf(stage.connect({ port: server.port, tls: { ca: CA, session: Buffer.from('none') } }));
    assert.equal(code, 'ERR_TLS_INVALID_SESSION');
  });

  scene('wrong options are errors that help', async (stage) => {
    const wrong = (options: object): Promise<Error> => errorOf(stage.listen({ tls: options }));
    assert.match((await wrong({ certt: 'x' })).message, /tls\.certt: there is no such option; did you mean cert\?/);
    assert.match((await wrong({ servername: 'x' })).message, /it is an option of connect/);
    assert.match((await wrong({ handshakeTimeout: 5 })).message, /did you mean handshakeTimeoutMs/);
    assert.match(
      (await wrong({ secureContext: tls.createSecureContext() })).message,
      /createSecureContext of overlapped/,
    );
    assert.match((await wrong({ ALPNProtocols: [''] })).message, /ALPNProtocols/);
    assert.match((await wrong({ minVersion: 'TLSv9' })).message, /TLSv9/);
    const plain = await listen({ engine: stage.engine, host: '127.0.0.1', port: 0 });
    assert.throws(() => plain.setSecureContext(ofServer), /expected a server that listens with it/);
  });
}
