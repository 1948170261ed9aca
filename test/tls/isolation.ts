/** One connection that fails, or waits in the middle of something, harms no other, and loses nothing of its own. */

import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import type { Connection, ConnectionOptions } from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import type { SecureConnection } from '../../src/engine/secure/secure-connection.js';
import { WriteArena } from '../../src/port/sending/write-arena.js';
import { authority, ofClient, ofServer } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { scenes, type TlsStage } from './subject.js';

const HEADER_BYTES = 5;
const LENGTH_OFFSET = 3;
const CA = authority.cert;
/** The smallest that OpenSSL takes: the ticket of a client with a certificate is longer. */
const FRAGMENT_BYTES = 512;

/** A server of node:tls whose session tickets are longer than its records. It echoes. */
function serverWithLongTickets(): net.Server {
  const secureContext = tls.createSecureContext({ ...ofServer, ca: CA });
  return net.createServer({ allowHalfOpen: true }, (transport) => {
    const socket = new tls.TLSSocket(transport, {
      isServer: true,
      requestCert: true,
      secureContext,
    });
    socket.setMaxSendFragment(FRAGMENT_BYTES);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
}

/** A relay that passes on the first record of a server's answer to the end of the handshake, and holds what follows. */
class HoldingRelay {
  readonly server: net.Server;
  readonly held: Buffer[] = [];
  #client: net.Socket | undefined;
  #bytes = Buffer.alloc(0);
  #chunksOfClient = 0;
  #records = 0;
  #holds = true;

  constructor(stage: TlsStage, port: number) {
    this.server = net.createServer({ allowHalfOpen: true }, (client) => {
      this.#client = client;
      const to = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      for (const socket of [client, to]) {
        stage.sockets.add(socket);
        socket.on('error', () => undefined);
      }
      client.on('data', (chunk: Buffer) => {
        this.#chunksOfClient++;
        to.write(chunk);
      });
      client.on('end', () => to.end());
      to.on('data', (chunk: Buffer) => this.#answered(chunk));
      to.on('end', () => client.end());
    });
  }

  #answered(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= HEADER_BYTES) {
      const length = HEADER_BYTES + this.#bytes.readUInt16BE(LENGTH_OFFSET);
      if (this.#bytes.length < length) {
        return;
      }
      const record = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      if (this.#holds && this.#chunksOfClient > 1 && ++this.#records > 1) {
        this.held.push(record);
      } else {
        this.#client?.write(record);
      }
    }
  }

  release(): void {
    this.#holds = false;
    this.#client?.write(Buffer.concat(this.held));
  }
}

interface Waiting {
  readonly client: Connection;
  readonly relay: HoldingRelay;
  readonly got: string[];
  readonly errors: Error[];
}

/** A client that has half of a ticket. */
async function withHalfTicket(stage: TlsStage, timeouts: NonNullable<ConnectionOptions['timeouts']>): Promise<Waiting> {
  const relay = new HoldingRelay(stage, await stage.serve(serverWithLongTickets()));
  const got: string[] = [];
  const errors: Error[] = [];
  const client = await stage.connect({
    port: await stage.serve(relay.server),
    tls: { ca: CA, ...ofClient, servername: 'localhost' },
    timeouts,
    data: (_, chunk) => {
      got.push(String(chunk));
    },
    error: (_, error) => errors.push(error),
  });
  const { secure } = client as SecureConnection;
  await eventually(() => secure.session?.awaitsRest === true && relay.held.length > 0, 'half of a ticket');
  return { client, relay, got, errors };
}

export function isolation(driver: SystemDriverName): void {
  const scene = scenes(driver);

  scene('what is written while half of a ticket has come is sent after the rest', async (stage) => {
    const { client, relay, got, errors } = await withHalfTicket(stage, {});
    client.write('hello');
    client.end();
    await new Promise((resolve) => setImmediate(resolve));
    relay.release();
    assert.equal(await client.closed, 'finished');
    assert.deepEqual([got.join(''), errors], ['hello', []]);
  });

  scene('a peer that never sends the rest is one that takes nothing', async (stage) => {
    const { client } = await withHalfTicket(stage, { writeStallMs: 200 });
    client.write('hello');
    assert.equal(await client.closed, 'write_stall');
  });

  scene('records for which there is no memory go to no other connection', async (stage) => {
    const server = await stage.listen();
    const got: string[] = [];
    const [first, second] = await Promise.all(
      [0, 1].map((index) =>
        stage.connect({
          port: server.port,
          tls: { ca: CA, servername: 'localhost' },
          data: (_, chunk) => {
            got.push(`${index} ${chunk}`);
          },
        }),
      ),
    );
    // Until the server has done with both handshakes: it has no memory either.
    first?.write('before');
    second?.write('before');
    await eventually(() => got.length === 2, 'the first echoes');
    got.length = 0;
    first?.write('lost');
    const { take } = WriteArena.prototype;
    WriteArena.prototype.take = () => {
      throw new RangeError('Array buffer allocation failed');
    };
    try {
      await first?.closed;
    } finally {
      WriteArena.prototype.take = take;
    }
    second?.write('hello');
    await eventually(() => got.length > 0, 'the echo');
    assert.deepEqual(got, ['1 hello']);
    second?.destroy();
  });
}
