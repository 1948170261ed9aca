/**
 * A client or a server that finishes its handshake as node:tls does, and then sends any records: it has the keys of its own
 * side, as RFC 8446 derives them (sections 5.2, 7.1 and 7.3) from the secret that Node logs.
 */

import { createCipheriv, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectPlain, createServer, type Socket } from 'node:net';
import { setImmediate as nextIteration, setTimeout as sleep } from 'node:timers/promises';
import { connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Identity } from '../support/certificates.js';
import { listening } from '../support/net-servers.js';

const CIPHER = 'TLS_AES_128_GCM_SHA256';
const KEY_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SECRET_BYTES = 32;
/** Records with tickets that a server of OpenSSL sends after its handshake. */
const TICKETS = 2;
/** How long a server may take nothing before it holds the client up. */
const HELD_MS = 500;

/** Types of records inside the encryption, and of messages of a handshake. */
export const INNER = { alert: 21, handshake: 22, data: 23 } as const;
export const MESSAGES = { clientHello: 1, newSessionTicket: 4, certificate: 11, finished: 20, keyUpdate: 24 } as const;

/** HKDF-Expand-Label without a context, of up to one hash. */
function expand(secret: Buffer, label: string, byteLength: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([
    Buffer.from([byteLength >> 8, byteLength & 0xff, name.length]),
    name,
    Buffer.from([0, 1]),
  ]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, byteLength);
}

/** The secret of a side's records after the handshake, if a line of the key log has it. */
function secretOf(line: Buffer, side: 'CLIENT' | 'SERVER'): Buffer | undefined {
  const [, text] = new RegExp(`^${side}_TRAFFIC_SECRET_0 \\S+ ([0-9a-f]+)`).exec(line.toString()) ?? [];
  return text === undefined ? undefined : Buffer.from(text, 'hex');
}

export class EvilPeer {
  readonly #tls: TLSSocket;
  readonly #plain: Socket;
  #secret: Buffer;
  #key: Buffer;
  #iv: Buffer;
  #sequence: number;
  #rest: Buffer = Buffer.alloc(0);
  readonly #closed: Promise<'closed'>;

  /** @param sequence the number of records that its side has sent with the secret */
  private constructor(tls: TLSSocket, plain: Socket, secret: Buffer | undefined, sequence: number) {
    if (secret?.length !== SECRET_BYTES) {
      throw new Error(`No secret of this side: found ${secret?.length} bytes`);
    }
    this.#sequence = sequence;
    this.#tls = tls;
    this.#plain = plain;
    this.#secret = secret;
    this.#key = expand(secret, 'key', KEY_BYTES);
    this.#iv = expand(secret, 'iv', IV_BYTES);
    this.#closed = new Promise((resolve) => {
      tls.on('close', () => resolve('closed'));
    });
  }

  /** Connects, with a handshake of TLS 1.3. */
  static async to(port: number, authority: string): Promise<EvilPeer> {
    const plain = connectPlain({ port, host: '127.0.0.1', noDelay: true });
    await once(plain, 'connect');
    const tls = connect({
      socket: plain,
      ca: authority,
      servername: 'localhost',
      ciphers: CIPHER,
      minVersion: 'TLSv1.3',
    });
    let secret: Buffer | undefined;
    tls.on('keylog', (line: Buffer) => {
      secret = secretOf(line, 'CLIENT') ?? secret;
    });
    tls.on('error', () => undefined);
    plain.on('error', () => undefined);
    await once(tls, 'secureConnect');
    // Node sends the end of its handshake after this event.
    await nextIteration();
    return new EvilPeer(tls, plain, secret, 0);
  }

  /** Waits at a port for a client of TLS 1.3. */
  static async at(identity: Identity): Promise<{ readonly port: number; readonly peer: Promise<EvilPeer> }> {
    const plainServer = createServer({ noDelay: true });
    const server = createTlsServer({ ...identity, ciphers: CIPHER, minVersion: 'TLSv1.3' });
    const accepted = once(plainServer, 'connection') as Promise<[Socket]>;
    const secured = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    let secret: Buffer | undefined;
    server.on('keylog', (line: Buffer) => {
      secret = secretOf(line, 'SERVER') ?? secret;
    });
    const meet = async (): Promise<EvilPeer> => {
      const [plain] = await accepted;
      plainServer.close();
      plain.on('error', () => undefined);
      server.emit('connection', plain);
      const [tls] = await secured;
      tls.on('error', () => undefined);
      await nextIteration();
      return new EvilPeer(tls, plain, secret, TICKETS);
    };
    return { port: await listening(plainServer), peer: meet() };
  }

  /** Takes the server's bytes from now on; until then they wait. */
  resume(): void {
    this.#tls.resume();
  }

  /** One record. @param paddingBytes zeros after the content */
  record(type: number, content: Uint8Array, paddingBytes = 0): Buffer {
    const inner = Buffer.concat([content, Buffer.from([type]), Buffer.alloc(paddingBytes)]);
    const length = inner.length + TAG_BYTES;
    const header = Buffer.from([INNER.data, 3, 3, length >> 8, length & 0xff]);
    const nonce = Buffer.from(this.#iv);
    const low = nonce.readUInt32BE(IV_BYTES - 4);
    nonce.writeUInt32BE((low ^ this.#sequence++) >>> 0, IV_BYTES - 4);
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce).setAAD(header);
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }

  /** The beginning of a record, after the rest of the record of the last call. */
  cut(record: Buffer, begunBytes: number): Buffer {
    const bytes = Buffer.concat([this.#rest, record.subarray(0, begunBytes)]);
    this.#rest = record.subarray(begunBytes);
    return bytes;
  }

  /** A message of a handshake in a record. */
  message(type: number, body: Uint8Array): Buffer {
    const { length } = body;
    return this.record(
      INNER.handshake,
      Buffer.concat([Buffer.from([type, length >> 16, length >> 8, length & 0xff]), body]),
    );
  }

  /** A KeyUpdate, and new keys for what comes after it. */
  keyUpdate(isRequest: boolean): Buffer {
    const record = this.message(MESSAGES.keyUpdate, Buffer.from([isRequest ? 1 : 0]));
    this.#secret = expand(this.#secret, 'traffic upd', SECRET_BYTES);
    this.#key = expand(this.#secret, 'key', KEY_BYTES);
    this.#iv = expand(this.#secret, 'iv', IV_BYTES);
    this.#sequence = 0;
    return record;
  }

  /**
   * Sends records as they are.
   * @returns whether the connection is closed, has taken them, or has not for some time
   */
  async send(records: Buffer): Promise<'closed' | 'taken' | 'held'> {
    const taken = new Promise<'taken'>((resolve) => {
      this.#plain.write(records, (error) => {
        if (!error) {
          resolve('taken');
        }
      });
    });
    const timer = new AbortController();
    const held = sleep(HELD_MS, 'held' as const, { signal: timer.signal }).catch(() => 'held' as const);
    const result = await Promise.race([this.#closed, taken, held]);
    timer.abort();
    return result;
  }

  destroy(): void {
    this.#tls.destroy();
    this.#plain.destroy();
  }
}
