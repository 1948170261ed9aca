/** Our ends and openssl's s_client and s_server refuse each other for the reasons for which openssl's refuse one another. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect, listen, type TlsListenOptions } from 'overlapped';
import { authority, ofServer, unknown } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { file, lacks, openSslServer, run } from './programs.js';
import { UNTRUSTED } from './refusing.js';
import { errorOf } from './subject.js';

const ca = file('ca.pem', authority.cert);

/** The texts of s_client for the codes. */
const TEXTS: Readonly<Record<string, RegExp>> = {
  CERT_HAS_EXPIRED: /certificate has expired/,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: /unable to (?:get local issuer|verify the first) certificate/,
  DEPTH_ZERO_SELF_SIGNED_CERT: /self[- ]signed certificate/,
  ERR_TLS_CERT_ALTNAME_INVALID: /hostname mismatch/,
};

const TOO_OLD: readonly (readonly [string, TlsListenOptions, readonly string[]])[] = [
  ['TLS 1.0, by default', {}, ['-tls1', '-cipher', 'DEFAULT@SECLEVEL=0']],
  ['TLS 1.1, by default', {}, ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0']],
  ['TLS 1.2, if 1.3 is demanded', { minVersion: 'TLSv1.3' }, ['-tls1_2']],
];

async function refusedBy(args: readonly string[], options: TlsListenOptions): Promise<[string, object]> {
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    tls: { ...ofServer, ...options },
    data: (connection, chunk) => {
      connection.end(`echo of ${chunk.toString()}`);
    },
  });
  const output = await run('openssl', ['s_client', ...args, '-connect', `127.0.0.1:${server.port}`], 'hello\n');
  await eventually(() => server.connectionsCount === 0, 'the end of the connection');
  const { errorsByCode } = server.statistics();
  await server.close();
  assert.doesNotMatch(output, /echo of/);
  return [output, errorsByCode];
}

describe('what openssl and we refuse', { skip: lacks('openssl', 'version') }, () => {
  for (const [what, { key, cert }, options, code] of UNTRUSTED) {
    test(`s_client refuses our server with ${what}`, async () => {
      const { servername = 'localhost' } = options;
      const trusted = options.ca === unknown.cert ? file('unknown.pem', unknown.cert) : ca;
      const args = ['-CAfile', trusted, '-verify_return_error', '-verify_hostname', servername];
      const [output, errors] = await refusedBy([...args, '-servername', 'localhost'], { key, cert });
      assert.match(output, TEXTS[code] as RegExp);
      // Its alert names the reason.
      assert.match(Object.keys(errors).join(), /^ERR_SSL_[\w/]*ALERT_\w+$/);
    });

    test(`our client refuses s_server with ${what}`, async () => {
      const server = await openSslServer(['-key', file(`${code}.key`, key), '-cert', file(`${code}.pem`, cert)]);
      const refused = await errorOf(connect({ host: '127.0.0.1', port: server.port, tls: options }));
      assert.equal(refused.code, code);
      await eventually(() => /alert certificate unknown/.test(server.output()), 'our alert');
      await server.end();
    });
  }

  for (const [what, options, args] of TOO_OLD) {
    test(`our server refuses s_client of ${what}`, async () => {
      const [output, errors] = await refusedBy(args, options);
      assert.match(output, /alert protocol version/);
      assert.deepEqual(errors, { ERR_SSL_UNSUPPORTED_PROTOCOL: 1 });
    });
  }

  test('our client refuses s_server of TLS 1.2, if 1.3 is demanded', async () => {
    const files = ['-key', file('key.pem', ofServer.key), '-cert', file('cert.pem', ofServer.cert)];
    const server = await openSslServer([...files, '-tls1_2']);
    const options = { ca: authority.cert, minVersion: 'TLSv1.3' } as const;
    const { code } = await errorOf(connect({ host: '127.0.0.1', port: server.port, tls: options }));
    assert.equal(code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    await server.end();
  });
});
