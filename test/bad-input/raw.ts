/** Clients that do not speak TLS, or that stop in the middle of a handshake. */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { listening } from '../support/net-servers.js';

/** Bytes instead of a handshake, and the code of OpenSSL's error where each server should report that. */
export interface Rubbish {
  readonly name: string;
  readonly bytes: Buffer;
  readonly reason?: RegExp;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

export const RUBBISH: readonly Rubbish[] = [
  { name: 'HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), reason: /HTTP_REQUEST/ },
  { name: 'HTTP through a proxy', bytes: Buffer.from('CONNECT a:1 HTTP/1.1\r\n\r\n'), reason: /HTTPS_PROXY_REQUEST/ },
  { name: 'SSH', bytes: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n') },
  { name: 'zeros', bytes: Buffer.alloc(1000) },
  { name: 'ones', bytes: Buffer.alloc(1000, 0xff) },
  {
    name: 'a hello of SSL 2',
    bytes: hex('802e0100020015000000100100800200800300800400800500800600400700c00000000102030405060708090a0b0c0d0e0f'),
  },
  { name: 'a record of application data', bytes: hex('1703030005 0102030405') },
  { name: 'a record that is empty', bytes: hex('1603010000') },
  { name: 'empty records', bytes: Buffer.concat(Array.from({ length: 2000 }, () => hex('1603010000'))) },
  { name: 'a record that is too long', bytes: Buffer.concat([hex('160301ffff'), Buffer.alloc(65_535)]) },
  { name: 'a hello that is too long', bytes: Buffer.concat([hex('1603014000 01ffffff'), Buffer.alloc(16_380)]) },
  { name: 'changes of the cipher', bytes: Buffer.concat(Array.from({ length: 2000 }, () => hex('140303000101'))) },
  { name: 'alerts', bytes: Buffer.concat(Array.from({ length: 2000 }, () => hex('15030100020100'))) },
  { name: 'an alert that is fatal', bytes: hex('15030100020228') },
  { name: 'one byte', bytes: hex('16') },
];

export const END_KINDS = ['wait', 'end', 'reset'] as const;

/** How a client goes on when it has sent its bytes: it waits for the server's end, or ends. */
export type EndKind = (typeof END_KINDS)[number];

/** Connects, sends bytes, and ends. @returns once the connection is closed */
export async function sendRaw(port: number, bytes: Buffer, end: EndKind): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => undefined).resume();
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  // The server's end is this side's too.
  socket.on('end', () => socket.end());
  socket.write(bytes, () => {
    if (end === 'end') {
      socket.end();
    } else if (end === 'reset') {
      socket.resetAndDestroy();
    }
  });
  await closed;
}

/** The first bytes that a real client sends. */
export async function clientHello(): Promise<Buffer> {
  const server = createServer();
  const port = await listening(server);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connectTls({ port, host: '127.0.0.1', servername: 'localhost' });
  client.on('error', () => undefined);
  const [socket] = await accepted;
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}
