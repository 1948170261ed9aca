/** The program acts in the middle of a handshake: it aborts, closes, answers late, and renews a certificate. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Connection, createSecureContext } from 'overlapped';
import { eventually } from '../support/harness.js';
import { makeCertificate } from '../support/x509.js';
import { authority, CROOKED, ofClient, ofServer, onTlsStage } from './sim-stage.js';
import { errorOf } from './subject.js';

/** More than the handshakes of a round. */
const CLIENTS = 40;

describe('the program acts in the middle of a handshake', () => {
  test('the client has gone when SNICallback answers', async () => {
    for (const refused of [false, true]) {
      await onTlsStage({}, async (stage) => {
        let answer = (): void => assert.fail('It was not asked');
        const abort = new AbortController();
        const server = await stage.listen({
          tls: {
            ...ofServer,
            SNICallback(_, callback) {
              stage.soon(() => abort.abort());
              answer = () => (refused ? callback(new Error('No such name')) : callback(null, null));
            },
          },
          data: () => undefined,
        });
        const { name } = await errorOf(stage.connect(server, { tls: ofClient, signal: abort.signal }));
        assert.equal(name, 'AbortError');
        void server.close({ deadlineMs: 0 });
        await eventually(() => server.isClosed, 'the close');
        answer();
        await stage.pass(100);
        assert.equal(server.core.engine.writes.blocksHeld, 0, 'no alert is made for a client that has gone');
        assert.equal(server.statistics().tls.failed, 1);
      });
    }
  });

  test('an answer of SNICallback waits for the connection’s turn', () =>
    onTlsStage({}, async (stage) => {
      const answers: (() => void)[] = [];
      const context = createSecureContext(ofServer);
      let lines = 0;
      let linesOfAnswers: number | undefined;
      const answerAll = (): void => {
        const before = lines;
        for (const answer of answers) {
          answer();
        }
        linesOfAnswers = lines - before;
      };
      const server = await stage.listen({
        tls: {
          ...ofServer,
          keylog: () => {
            lines++;
          },
          SNICallback(_, callback) {
            answers.push(() => callback(null, context));
            if (answers.length === CLIENTS) {
              stage.soon(answerAll);
            }
          },
        },
        data: () => undefined,
      });
      await Promise.all(Array.from({ length: CLIENTS }, () => stage.connect(server, { tls: ofClient })));
      assert.equal(linesOfAnswers, 0, 'no step of a handshake is taken inside an answer');
      assert(lines > 0);
    }));

  for (const where of ['checkServerIdentity', 'keylog'] as const) {
    test(`a client that is aborted in ${where} is never open`, () =>
      onTlsStage({}, async (stage) => {
        const server = await stage.listen({ tls: ofServer, data: () => undefined });
        const abort = new AbortController();
        const opened: Connection[] = [];
        const callback = (): undefined => {
          abort.abort();
        };
        const error = await errorOf(
          stage.connect(server, {
            tls: { ...ofClient, [where]: callback },
            signal: abort.signal,
            open: (connection) => opened.push(connection),
          }),
        );
        assert.equal(error.name, 'AbortError');
        assert.deepEqual(opened, []);
        await eventually(() => server.connectionsCount === 0, 'the close of the server');
      }));
  }

  for (const side of ['client', 'server'] as const) {
    test(`the engine of the ${side} is closed in its key log`, () =>
      onTlsStage({}, async (stage) => {
        let closings = 0;
        const keylog = (): void => {
          closings++;
          stage.closeEngine(side === 'client' ? 'far' : 'near');
        };
        const server = await stage.listen({
          tls: { ...ofServer, ...(side === 'server' ? { keylog } : {}) },
          data: () => undefined,
        });
        const error = await errorOf(
          stage.connect(server, { tls: { ...ofClient, ...(side === 'client' ? { keylog } : {}) } }),
        );
        assert.equal(error.code, side === 'client' ? 'ECANCELED' : 'ECONNRESET');
        assert(closings > 0);
      }));
  }

  test('a certificate is renewed while handshakes wait', () =>
    onTlsStage(CROOKED, async (stage) => {
      const renewed = makeCertificate({
        name: 'renewed',
        hosts: ['localhost'],
        issuer: authority,
        keyType: 'ed25519',
      });
      const server = await stage.listen({ tls: ofServer, data: () => undefined });
      const names = new Set<string | undefined>();
      const connecting = Array.from({ length: 30 }, async (_, index) => {
        await stage.pass(index * 3);
        const client = await stage.connect(server, { tls: ofClient });
        names.add(client.tls?.peerCertificate?.subject);
      });
      await stage.pass(50);
      server.setSecureContext({ key: renewed.key, cert: renewed.cert });
      await Promise.all(connecting);
      assert.deepEqual([...names].sort(), ['CN=localhost', 'CN=renewed']);
    }));
});
