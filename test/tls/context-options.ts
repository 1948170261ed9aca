/**
 * The options of contexts have the same effects whoever makes the context: node:tls, or we with the functions of the
 * system's OpenSSL. The other ends are node:tls.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import type tls from 'node:tls';
import { createSecureContext, type TlsListenOptions } from 'overlapped';
import { authority, ofClient, ofServer } from '../support/certificates.js';
import { makeCertificate } from '../support/x509.js';
import { lacks } from './programs.js';
import { errorOf, scenes, type TlsStage } from './subject.js';

const PASSPHRASE = 'correct horse';
const CA = authority.cert;

const folder = mkdtempSync(join(tmpdir(), 'overlapped-context-'));
after(() => rmSync(folder, { recursive: true }));

function put(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** A server with these options, and what a client of node:tls sees of it. */
async function seen(
  stage: TlsStage,
  options: TlsListenOptions,
  ofPeer: tls.ConnectionOptions = {},
): Promise<{ protocol: string | null; cipher: string; key: object | null; chain: number }> {
  const server = await stage.listen({ tls: options });
  const socket = stage.client(server.port, ofPeer);
  await once(socket, 'secureConnect');
  const protocol = socket.getProtocol();
  const cipher = socket.getCipher().name;
  const key = socket.getEphemeralKeyInfo();
  const { issuerCertificate } = socket.getPeerCertificate(true);
  const chain = issuerCertificate?.issuerCertificate?.fingerprint256 === issuerCertificate?.fingerprint256 ? 2 : 3;
  socket.destroy();
  return { protocol, cipher, key, chain };
}

const encrypted = createPrivateKey(ofServer.key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE })
  .toString();
const root = makeCertificate({ name: 'Root' });
const rsa = makeCertificate({ name: 'localhost', hosts: ['localhost'], issuer: root, keyType: 'rsa' });
const intermediate = makeCertificate({ name: 'Intermediate', issuer: root, isAuthority: true });
const leaf = makeCertificate({ name: 'localhost', hosts: ['localhost'], issuer: intermediate });

/** The group ffdhe2048 of RFC 7919. */
const DH_PARAMETERS = `-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
`;

const ONLY_TLS_12 = { maxVersion: 'TLSv1.2' } as const;

export function contextOptions(): void {
  const scene = scenes('epoll');

  scene('versions', async (stage) => {
    assert.equal((await seen(stage, ONLY_TLS_12)).protocol, 'TLSv1.2');
    assert.equal((await seen(stage, { minVersion: 'TLSv1.3' })).protocol, 'TLSv1.3');
    assert.throws(() => createSecureContext({ minVersion: 'TLSv1.4' as 'TLSv1.3' }));
  });

  scene('ciphers of TLS 1.2 and 1.3', async (stage) => {
    const older = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    assert.equal((await seen(stage, { ciphers: older, ...ONLY_TLS_12 })).cipher, older);
    const only13 = await seen(stage, { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' });
    assert.deepEqual([only13.protocol, only13.cipher], ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256']);
    assert.throws(() => createSecureContext({ ciphers: 'no-such-cipher' }), { code: 'ERR_SSL_NO_CIPHER_MATCH' });
    assert.throws(() => createSecureContext({ ciphers: ':' }), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  scene('curves, parameters and signatures of the exchange', async (stage) => {
    const { key } = await seen(stage, { ecdhCurve: 'P-384', ...ONLY_TLS_12 });
    assert.deepEqual(key, { type: 'ECDH', name: 'secp384r1', size: 384 });
    await seen(stage, { sigalgs: 'ecdsa_secp256r1_sha256' });
    assert.throws(() => createSecureContext({ sigalgs: 'no-such-algorithm' }));
    assert.throws(() => createSecureContext({ ecdhCurve: 'no-such-curve' }));
    for (const dhparam of ['auto', DH_PARAMETERS]) {
      const own = { key: rsa.key, cert: rsa.cert, dhparam };
      const exchange = await seen(stage, own, { ca: root.cert, ciphers: 'DHE-RSA-AES128-GCM-SHA256', ...ONLY_TLS_12 });
      assert.deepEqual({ name: undefined, ...exchange.key }, { name: undefined, type: 'DH', size: 2048 });
    }
  });

  scene('encrypted keys', async (stage) => {
    const { cert } = ofServer;
    await seen(stage, { cert, key: encrypted, passphrase: PASSPHRASE });
    await seen(stage, { cert, key: [{ pem: encrypted, passphrase: PASSPHRASE }] });
    await seen(stage, { cert: Buffer.from(cert), key: Buffer.from(encrypted), passphrase: PASSPHRASE });
    assert.throws(() => createSecureContext({ cert, key: encrypted, passphrase: 'wrong' }));
    assert.throws(() => createSecureContext({ cert, key: encrypted }));
    assert.throws(() => createSecureContext({ cert, key: 5 as unknown as string }), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  scene('a key that is not that of the certificate', () => {
    const mixed = { cert: ofServer.cert, key: ofClient.key };
    assert.throws(() => createSecureContext(mixed), { code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' });
    return Promise.resolve();
  });

  scene('a chain of certificates, after the certificate or in ca', async (stage) => {
    const peer = { ca: root.cert };
    const { chain } = await seen(stage, { key: leaf.key, cert: leaf.cert + intermediate.cert }, peer);
    assert.equal(chain, 3);
    await seen(stage, { key: leaf.key, cert: leaf.cert, ca: [root.cert, intermediate.cert] }, peer);
  });

  scene('trust in a certificate that is not a root', async (stage) => {
    const server = await stage.listen({ tls: { key: leaf.key, cert: leaf.cert + intermediate.cert } });
    const options = { servername: 'localhost', ca: intermediate.cert };
    const connected = stage.connect({ port: server.port, tls: options });
    assert.equal((await errorOf(connected)).code, 'UNABLE_TO_GET_ISSUER_CERT');
    const partial = { ...options, allowPartialTrustChain: true } as typeof options;
    const client = await stage.connect({ port: server.port, tls: partial, data: () => undefined });
    assert.equal(client.tls?.authorized, true);
    client.destroy();
    await client.closed;
  });

  scene('keys of tickets that two servers share', async (stage) => {
    const ticketKeys = Buffer.alloc(48, 7);
    const [one, two] = [await stage.listen({ tls: { ticketKeys } }), await stage.listen({ tls: { ticketKeys } })];
    const socket = stage.client(one.port, ONLY_TLS_12);
    await once(socket, 'secureConnect');
    const session = socket.getSession() as Buffer;
    socket.destroy();
    for (const [port, reused] of [
      [two.port, true],
      [(await stage.listen()).port, false],
    ] as const) {
      const again = stage.client(port, { ...ONLY_TLS_12, session });
      await once(again, 'secureConnect');
      assert.equal(again.isSessionReused(), reused);
      again.destroy();
    }
    assert.throws(() => createSecureContext({ ticketKeys: Buffer.alloc(47) }), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  scene('times and names of sessions', async (stage) => {
    await seen(stage, { sessionTimeout: 10, sessionIdContext: 'ours' });
    assert.throws(() => createSecureContext({ sessionTimeout: -1 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => createSecureContext({ sessionIdContext: 'x'.repeat(33) }));
  });

  describe('files that openssl makes', { skip: lacks('openssl', 'version') }, () => {
    scene('PKCS #12, with its chain', async (stage) => {
      put('key.pem', leaf.key);
      put('cert.pem', leaf.cert);
      put('chain.pem', intermediate.cert);
      const files = ['-inkey', 'key.pem', '-in', 'cert.pem', '-certfile', 'chain.pem', '-out', 'all.p12'];
      openssl('pkcs12', '-export', ...files, '-passout', `pass:${PASSPHRASE}`);
      const pfx = readFileSync(join(folder, 'all.p12'));
      const peer = { ca: root.cert };
      const none = { key: null, cert: null } as unknown as TlsListenOptions;
      assert.equal((await seen(stage, { ...none, pfx, passphrase: PASSPHRASE }, peer)).chain, 3);
      await seen(stage, { ...none, pfx: [{ buf: pfx, passphrase: PASSPHRASE }] }, peer);
      assert.throws(() => createSecureContext({ pfx, passphrase: 'wrong' }));
      assert.throws(() => createSecureContext({ pfx: Buffer.from('none') }));
    });

    scene('certificates that their authority has revoked', async (stage) => {
      put('ca.pem', authority.cert);
      put('ca.key', authority.key);
      put('revoked.pem', ofServer.cert);
      put('index.txt', '');
      put('ca.cnf', '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\n');
      const signer = ['ca', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key'];
      openssl(...signer, '-gencrl', '-out', 'none.crl');
      openssl(...signer, '-revoke', 'revoked.pem');
      openssl(...signer, '-gencrl', '-out', 'one.crl');
      const [none, one] = ['none.crl', 'one.crl'].map((name) => readFileSync(join(folder, name))) as [Buffer, Buffer];
      const server = await stage.listen();
      const options = { servername: 'localhost', ca: CA };
      const client = await stage.connect({ port: server.port, tls: { ...options, crl: none }, data: () => undefined });
      client.destroy();
      await client.closed;
      const refused = await errorOf(stage.connect({ port: server.port, tls: { ...options, crl: [one] } }));
      assert.equal(refused.code, 'CERT_REVOKED');
      assert.throws(() => createSecureContext({ crl: 'none' }));
    });
  });
}
