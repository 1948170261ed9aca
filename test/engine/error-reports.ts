/** Errors of handlers are reported with the handler's name, the stack and the peer's address, however often they occur. */

import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { type Connection, formatAddress, type HandlerErrorInfo, listen, type SocketAddress } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { CODES_MAX } from '../../src/engine/counters.js';
import { eventually } from '../support/harness.js';
import type { PeerSocket } from '../support/peer-client.js';
import { type EngineSubject, portOf, type SceneOptions, scenes } from './subject.js';

/** The calls of the engine's error sink. */
interface Reported {
  readonly error: unknown;
  readonly info: HandlerErrorInfo;
}

interface WayToEnd {
  readonly name: string;
  readonly options: SceneOptions;
  end(peer: PeerSocket): unknown;
}

const WAYS_TO_END: readonly WayToEnd[] = [
  { name: 'ends', options: {}, end: (peer) => peer.end() },
  { name: 'resets', options: { needs: 'peerNameAfterReset' }, end: (peer) => peer.resetAndDestroy() },
];

function told(subject: EngineSubject): void {
  const scene = scenes(subject);
  const reported: Reported[] = [];
  const engine = {
    onHandlerError: (error: unknown, info: HandlerErrorInfo): void => {
      reported.push({ error, info });
    },
  };

  scene(
    'onHandlerError gets the handler, the connection and the peer',
    async (stage) => {
      reported.length = 0;
      const problem = new TypeError('Thrown by data');
      const server = await stage.listen({
        data() {
          throw problem;
        },
      });
      const client = await stage.connect({ port: portOf(server), data: () => undefined });
      const address = client.localAddress;
      client.write('x');
      await eventually(() => reported.length === 1, 'the report');
      const [{ error, info }] = reported as [Reported];
      assert.equal(error, problem);
      assert.equal(info.handler, 'data');
      assert.equal(info.connection?.group, server.core);
      assert.deepEqual(info.remoteAddress, address);
    },
    { engine },
  );

  scene("the error handler gets the handler's name, and the peer's address", async (stage) => {
    const seen: unknown[] = [];
    const note = (connection: Connection, ...more: unknown[]): void => {
      seen.push([`${connection.remoteAddress}`, ...more]);
    };
    const server = await stage.listen({
      data() {
        throw new Error('Thrown by data');
      },
      error: (connection, _error, handler) => note(connection, 'error', handler),
      close: (connection, reason) => note(connection, 'close', reason),
    });
    const client = await stage.connect({ port: portOf(server), data: () => undefined });
    const address = `${client.localAddress}`;
    assert.equal(address, formatAddress(client.localAddress));
    client.write('x');
    await eventually(() => seen.length === 2, 'the end');
    assert.deepEqual(seen, [
      [address, 'error', 'data'],
      [address, 'close', 'handler_error'],
    ]);
    await eventually(() => client.isClosed, 'the end of the client');
    assert.deepEqual(client.remoteAddress, server.address, 'where it connected to');
  });

  for (const { name, end, options } of WAYS_TO_END) {
    scene(
      `the close handler knows the address of a peer that ${name}`,
      async (stage) => {
        let address: SocketAddress | undefined;
        const server = await stage.listen({
          data: () => undefined,
          close(connection) {
            address = connection.remoteAddress;
          },
        });
        const peer = await stage.peer(server);
        await eventually(() => server.connectionsCount === 1, 'the connection');
        const { localPort } = peer.socket;
        end(peer.socket);
        await eventually(() => server.connectionsCount === 0, 'the end');
        assert.deepEqual(address, {
          family: 'ipv4',
          address: '127.0.0.1',
          port: localPort ?? (address as { port: number }).port,
        });
      },
      options,
    );
  }
}

function fromOutside(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('errors of another realm keep their code', async (stage) => {
    const fail = runInNewContext("() => { throw Object.assign(new Error('Mine'), { code: 'E_MINE' }); }") as () => void;
    const { connection, peer } = await stage.pair({ data: fail, error: () => undefined });
    peer.socket.write('x');
    await eventually(() => connection.isClosed, 'the close');
    const [error] = stage.history.of(connection).errors as [NodeJS.ErrnoException];
    assert.deepEqual([error.code, error.message], ['E_MINE', 'Mine']);
  });

  scene('null counts as absent: as an error, at an end, for a handler and for an option', async (stage) => {
    const missing = {
      drain: null,
      framing: null,
      heartbeat: null,
      sendBufferBytes: null,
      timeouts: { lingerMs: null, idleMs: null },
      engine: undefined,
    } as object;
    const server = await stage.listen({ ...missing, engine: stage.engine, data: () => undefined });
    const client = await stage.connect({
      port: portOf(server),
      ...missing,
      signal: null,
      engine: stage.engine,
    } as never);
    client.end(null);
    await eventually(() => server.connectionsCount === 0, 'the end');
    const second = await stage.connect({ port: portOf(server), error: () => undefined });
    second.destroy(null);
    await eventually(() => second.isClosed, 'the second end');
    assert.deepEqual([stage.history.of(second).errors, stage.history.of(second).reason], [[], 'destroyed']);
    assert.equal(server.statistics().connections.closesByReason.handler_error, 0);
    await server.close(null as never);
  });

  scene('a wrong handler or framing is rejected at once', async (stage) => {
    const refused = (options: object, code: string): Promise<void> =>
      assert.rejects(listen({ engine: stage.engine, host: '127.0.0.1', port: 0, ...options }), { code });
    await refused({ data: 'not a function' }, 'ERR_INVALID_ARG_TYPE');
    await refused({ framing: delimited, message: () => undefined }, 'ERR_INVALID_ARG_TYPE');
    await refused({ framing: 'lines' }, 'ERR_INVALID_ARG_TYPE');
    await refused({ message: () => undefined }, 'ERR_INVALID_ARG_VALUE');
  });

  scene('an error of a framing is a program error, unless it calls the bytes invalid', async (stage) => {
    const framing = {
      decode(): number {
        throw new RangeError('A mistake in decode');
      },
      encode: () => 'x',
    };
    const server = await stage.listen({ framing, message: () => undefined } as never);
    const peer = await stage.peer(server);
    peer.socket.write('x');
    await eventually(() => server.statistics().connections.closed === 1, 'the end');
    const { closesByReason } = server.statistics().connections;
    assert.deepEqual([closesByReason.handler_error, closesByReason.framing_error], [1, 0]);
    assert.match(String(stage.thrown[0]), /A mistake in decode/);
  });

  scene('errors are counted by code, for a bounded number of codes', async (stage) => {
    const strange = ['constructor', '__proto__', 'toString', 'x'.repeat(100_000), 7, {}, Symbol('code')];
    const codes = [...strange, ...Array.from({ length: 2 * CODES_MAX }, (_, index) => `E_${index}`)];
    let next = 0;
    const server = await stage.listen({
      open: (connection) => connection.destroy(Object.assign(new Error('No'), { code: codes[next++] })),
    });
    for (let index = 0; index < codes.length; index++) {
      await stage.connect({ port: portOf(server) });
    }
    await eventually(() => server.statistics().connections.closed === codes.length, 'all ends');
    const { errorsByCode } = server.statistics();
    const entries = Object.entries(errorsByCode);
    assert.equal(entries.length, CODES_MAX + 1);
    assert.equal(
      entries.reduce((sum, [, count]) => sum + count, 0),
      codes.length,
    );
    assert.deepEqual(
      ['constructor', '__proto__', 'Error'].map((code) => Object.getOwnPropertyDescriptor(errorsByCode, code)?.value),
      [1, 1, 3],
    );
    assert(entries.every(([code]) => code.length <= 64) && (errorsByCode.other ?? 0) > 0);
  });
}

export function errorReports(subject: EngineSubject): void {
  told(subject);
  fromOutside(subject);
}
