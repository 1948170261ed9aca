/**
 * TLS 1.3 between the load's connections and its handlers. All connections have one cipher and one group, whatever a server
 * prefers. The server's certificate and its name are verified.
 */

import type { CompletionPort, OverlappedSocket } from 'overlapped/port';
import { loadOpenSsl, openSslError, SSL } from './openssl.js';

/** Node, Bun and OpenSSL choose it by default. */
const CIPHER = 'TLS_AES_256_GCM_SHA384';
/** Newer versions of OpenSSL would begin with a group that is secure against quantum computers, and Bun's would not. */
const GROUP = 'X25519';
const HOST = 'localhost';

/** The most that a record carries. A read returns one record. */
const RECORD_BYTES = 16_384;
/** A record adds its header, the tag and the type; rounded up. */
const RECORD_MORE_BYTES = 64;
/** Memory for sends that are small, and the rest of a handshake. */
const SMALL_BYTES = 4096;

/** Memory that a send uses until it is done. */
interface SendMemory {
  readonly bytes: Buffer;
  /** The part that was sent last: most sends are of one size. */
  part: Buffer;
  /** It belongs to the stage: the client's handler does not hear of it. */
  isOwn: boolean;
}

interface Connection<Client> {
  readonly socket: OverlappedSocket;
  readonly client: Client;
  /** 0 after its end. */
  ssl: number;
  isOpen: boolean;
  isResumed: boolean;
  readonly sends: SendMemory[];
}

/** The events of connections, over TLS. */
export interface TlsEvents<Client> {
  connected(socket: OverlappedSocket, client: Client): void;
  received(socket: OverlappedSocket, client: Client, data: Buffer): void;
  sent(socket: OverlappedSocket, client: Client): void;
  /** The server has sent its last byte. */
  ended(client: Client): void;
  /** Nothing is left to be sent on a connection that is to be closed. */
  finished(socket: OverlappedSocket): void;
}

export class TlsStage<Client> {
  readonly #port: CompletionPort;
  readonly #events: TlsEvents<Client>;
  readonly #c = loadOpenSsl();
  readonly #context: number;
  /** All connections share them: between two calls both are empty. */
  readonly #reader: number;
  readonly #writer: number;
  readonly #plain = Buffer.alloc(RECORD_BYTES);
  readonly #connections = new Map<OverlappedSocket, Connection<Client>>();
  readonly #free: SendMemory[] = [];
  readonly #freeLarge: SendMemory[] = [];
  /** Whether connections resume the session of an earlier one, as soon as there is one. */
  readonly #resumes: boolean;
  #session = 0;

  constructor(port: CompletionPort, authorityFile: string, resumes: boolean, events: TlsEvents<Client>) {
    const c = this.#c;
    this.#port = port;
    this.#events = events;
    this.#resumes = resumes;
    this.#context = c.contextNew(c.clientMethod());
    c.contextControl(this.#context, SSL.controlLeastVersion, SSL.version13, 0);
    c.contextControl(this.#context, SSL.controlMode, SSL.releaseBuffers, 0);
    c.contextControlText(this.#context, SSL.controlGroups, 0, GROUP);
    c.contextCiphers(this.#context, CIPHER);
    c.contextVerify(this.#context, SSL.verifyPeer, 0);
    if (c.contextTrust(this.#context, authorityFile, 0) !== 1) {
      throw new Error(`Cannot trust ${authorityFile}: ${openSslError(c)}`);
    }
    this.#reader = this.#memory();
    this.#writer = this.#memory();
  }

  #memory(): number {
    const { bioNew, bioMethod, bioControl } = this.#c;
    const bio = bioNew(bioMethod());
    bioControl(bio, SSL.bioSetEnd, -1, 0);
    return bio;
  }

  /** Begins the handshake of a connection that is made. */
  begin(socket: OverlappedSocket, client: Client): void {
    const c = this.#c;
    const ssl = c.sslNew(this.#context);
    c.bioReference(this.#reader);
    c.sslReader(ssl, this.#reader);
    c.bioReference(this.#writer);
    c.sslWriter(ssl, this.#writer);
    c.sslControlText(ssl, SSL.controlServerName, 0, HOST);
    c.sslHost(ssl, HOST);
    c.sslConnects(ssl);
    const isResumed = this.#session !== 0;
    if (isResumed) {
      c.sslResume(ssl, this.#session);
    }
    const connection = { socket, client, ssl, isOpen: false, isResumed, sends: [] };
    this.#connections.set(socket, connection);
    this.#handshake(connection);
  }

  #handshake(connection: Connection<Client>): void {
    const c = this.#c;
    const { ssl, socket, client, isResumed } = connection;
    const result = c.sslHandshake(ssl);
    this.#flush(connection, 0, true);
    if (result !== 1) {
      this.#mustGoOn(ssl, result);
      return;
    }
    if ((c.sslIsResumed(ssl) === 1) !== isResumed) {
      const [full, resumed] = ['a full one', 'a resumed session'];
      throw new Error(`Wrong handshake: found ${isResumed ? full : resumed}, wanted ${isResumed ? resumed : full}`);
    }
    connection.isOpen = true;
    this.#events.connected(socket, client);
  }

  /** @throws Error unless a call has only to wait for more bytes */
  #mustGoOn(ssl: number, result: number): void {
    const error = this.#c.sslError(ssl, result);
    if (error !== SSL.errorWantRead) {
      throw new Error(`TLS failed: found error ${error}, ${openSslError(this.#c)}`);
    }
  }

  /** Takes bytes from the network. */
  received(socket: OverlappedSocket, data: Buffer): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.ssl === 0) {
      return;
    }
    const c = this.#c;
    c.bioWrite(this.#reader, data, data.length);
    if (!connection.isOpen) {
      this.#handshake(connection);
    }
    while (connection.ssl !== 0 && c.bioPending(this.#reader) > 0) {
      this.#read(connection);
    }
    if (connection.ssl === 0) {
      c.bioControl(this.#reader, SSL.bioReset, 0, 0);
    }
  }

  #read({ ssl, socket, client }: Connection<Client>): void {
    const length = this.#c.sslRead(ssl, this.#plain, RECORD_BYTES);
    if (length > 0) {
      this.#events.received(socket, client, this.#plain.subarray(0, length));
    } else if (this.#c.sslError(ssl, length) === SSL.errorZeroReturn) {
      this.#events.ended(client);
    } else {
      this.#mustGoOn(ssl, length);
    }
  }

  send(socket: OverlappedSocket, bytes: Buffer): void {
    const connection = this.#connections.get(socket) as Connection<Client>;
    if (this.#c.sslWrite(connection.ssl, bytes, bytes.length) !== bytes.length) {
      throw new Error(`Cannot encrypt ${bytes.length} bytes: ${openSslError(this.#c)}`);
    }
    this.#flush(connection, bytes.length, false);
  }

  /** Sends what OpenSSL has written: at least this many bytes of data in records. */
  #flush({ socket, sends }: Connection<Client>, least: number, isOwn: boolean): void {
    const { bioPending, bioRead } = this.#c;
    const length = least === 0 ? bioPending(this.#writer) : least;
    if (length === 0) {
      return;
    }
    const memory = this.#memoryFor(length + RECORD_MORE_BYTES * Math.ceil(length / RECORD_BYTES));
    const written = bioRead(this.#writer, memory.bytes, memory.bytes.length);
    if (written !== memory.part.length) {
      memory.part = memory.bytes.subarray(0, written);
    }
    memory.isOwn = isOwn;
    sends.push(memory);
    this.#port.postSend(socket, memory.part);
  }

  #memoryFor(length: number): SendMemory {
    const memory = (length <= SMALL_BYTES ? this.#free : this.#freeLarge).pop();
    if (memory !== undefined && memory.bytes.length >= length) {
      return memory;
    }
    const bytes = Buffer.allocUnsafeSlow(Math.max(SMALL_BYTES, length));
    return { bytes, part: bytes, isOwn: false };
  }

  /** A send is done: those of a connection are in order. */
  sent(socket: OverlappedSocket): void {
    const connection = this.#connections.get(socket) as Connection<Client>;
    const memory = connection.sends.shift() as SendMemory;
    (memory.bytes.length <= SMALL_BYTES ? this.#free : this.#freeLarge).push(memory);
    if (connection.ssl === 0) {
      this.#finishWhenSent(connection);
    } else if (!memory.isOwn) {
      this.#events.sent(socket, connection.client);
    }
  }

  /** Ends a connection with TLS' own end, then calls `finished`. */
  end(socket: OverlappedSocket): void {
    const c = this.#c;
    const connection = this.#connections.get(socket) as Connection<Client>;
    if (this.#resumes && this.#session === 0) {
      this.#keepSession(connection.ssl);
    }
    c.sslShutdown(connection.ssl);
    this.#flush(connection, 0, true);
    c.sslFree(connection.ssl);
    connection.ssl = 0;
    this.#finishWhenSent(connection);
  }

  /** @throws Error if the server has sent no ticket with its answer */
  #keepSession(ssl: number): void {
    const { sslSession, sessionIsResumable } = this.#c;
    this.#session = sslSession(ssl);
    if (sessionIsResumable(this.#session) !== 1) {
      throw new Error('Wrong handshake: found no ticket, wanted a session that can be resumed');
    }
  }

  #finishWhenSent({ socket, sends }: Connection<Client>): void {
    if (sends.length === 0) {
      this.#connections.delete(socket);
      this.#events.finished(socket);
    }
  }

  /** Whether `end` was called: bytes from the server are ignored from then on. */
  isEnding(socket: OverlappedSocket): boolean {
    return this.#connections.get(socket)?.ssl === 0;
  }

  close(): void {
    const c = this.#c;
    for (const { ssl } of this.#connections.values()) {
      c.sslFree(ssl);
    }
    c.sessionFree(this.#session);
    c.contextFree(this.#context);
    c.bioFree(this.#reader);
    c.bioFree(this.#writer);
  }
}
