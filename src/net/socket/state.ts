/** The state of a socket that a program does not see: what a handle is to a socket of `node:net`. */

import type { Buffer } from 'node:buffer';
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Connection } from '../../engine/connection.js';
import type { SecureGroup } from '../../engine/secure/secure-group.js';
import type { ShownSession, TlsSession } from '../../tls/session.js';
import type { HeldWrite } from './held-writes.js';
import type { SocketWriter, WriterOwner } from './writer.js';

/** The property with the state. */
export const STATE = Symbol('overlapped socket');

/** An address as `socket.address()` returns it; empty for a Unix socket, or when there is none. */
export interface AddressInfo {
  readonly address?: string;
  readonly family?: string;
  readonly port?: number;
}

/** A connect that is under way. */
export interface Attempt {
  /** Ends it: nothing of it is reported. */
  cancel(): void;
  /** Whether it keeps the process alive. */
  setReferenced(referenced: boolean): void;
}

/** A buffer of the program's that received bytes are copied to: the option `onread`. */
export interface UserBuffer {
  /** The bytes were copied. @returns false to pause the socket */
  readonly callback: (this: NetSocket, byteLength: number, buffer: Uint8Array) => unknown;
  /** Makes the buffer for the next bytes; undefined where one buffer is used again and again. */
  readonly make: (() => unknown) | undefined;
  /** The buffer for the next bytes. */
  current: Uint8Array | undefined;
  /** Bytes that wait because the callback has paused the socket. */
  waiting: Buffer | undefined;
  /** Whether the program has paused the socket: by `pause`, or by what its callback has returned. */
  paused: boolean;
}

/** A request or response of `node:http`, while it has the socket. */
export interface HttpMessage {
  /** Whether `end` was called. */
  readonly finished?: boolean;
  /** Listeners by event: a single one is not in an array. */
  readonly _events?: { readonly finish?: unknown };
}

/** Options that few programs set. */
export interface RareOptions {
  keepAliveIntervalMs?: number;
  keepAliveProbes?: number;
  typeOfService?: number;
}

/** A server as its sockets see it. */
export interface SocketServer extends EventEmitter {
  _connections: number;
  _emitCloseIfDrained(): void;
}

/** A socket, as the functions of this folder see it: what `node:net` keeps in properties of the socket is there. */
export interface NetSocket extends Duplex {
  readonly [STATE]: SocketState;
  connect(...args: unknown[]): NetSocket;
  connecting: boolean;
  resetAndClosing?: boolean;
  autoSelectFamilyAttemptedAddresses?: string[];
  timeout?: number;
  server: SocketServer | null;
  _server: SocketServer | null;
  _parent: NetSocket | null;
  _host: string | null;
  /** The option of the constructor, since Node 22. */
  readonly blockList?: { check(address: string, family: string): boolean };
  _aborted?: boolean;
  _pendingData: unknown;
  _pendingEncoding: string;
  /** The message that http is sending. */
  readonly _httpMessage?: HttpMessage | null;
  _reset(): NetSocket;
  ref(): NetSocket;
  unref(): NetSocket;
  _unrefTimer(): void;
  _onTimeout(): void;
  _undestroy(): void;
}

/** The socket of a connection that belongs to a program, which called `listen` or `connect` of `overlapped`. */
export interface Adopted {
  /** Whether an error breaks off a stream that was to go on: a pipeline that failed, a write that came after our end. */
  isCut(error: Error): boolean;
}

/** The TLS of a socket that connects with it: how its connection begins, and what the program hears of it. */
export interface SocketTls {
  readonly group: SecureGroup;
  /** The handshake is done, or has failed. */
  secured(state: SocketState): void;
  failed(state: SocketState, error: Error): void;
  /** Before the connection begins: the name to ask for, and the session to resume. */
  setServername(name: string): void;
  setSession(session: unknown): void;
  /** The session that an event shows now. */
  readonly shown: ShownSession | undefined;
  /** Changes the session when it begins. */
  prepare(change: (session: TlsSession) => void): void;
}

/** Flags of a state, in one number, as there may be very many sockets. */
const ATTACHED = 1 << 0;
const LOCAL = 1 << 1;
const READING = 1 << 2;
const OPENING = 1 << 3;
const TOO_MANY_PIECES = 1 << 4;
const PEER_ENDED = 1 << 5;
const UNREFERENCED = 1 << 6;
const NO_DELAY = 1 << 7;
const KEEP_ALIVE = 1 << 8;

/** Fields that few sockets need at one time, because each would cost all others a word. */
class SideFields {
  tlsClose: ((hadError: boolean) => void) | undefined = undefined;
  adopted: Adopted | undefined = undefined;
  secure: SocketTls | undefined = undefined;
  attempt: Attempt | undefined = undefined;
  bytesRead = 0;
  bytesDispatched = 0;
  peerName: AddressInfo | undefined = undefined;
  localName: AddressInfo | undefined = undefined;
  keepAliveDelaySeconds = 0;
  userBuffer: UserBuffer | undefined = undefined;
  rare: RareOptions | undefined = undefined;
}

/** The fields of all sockets that have none of their own: it is never changed. */
const NO_SIDE_FIELDS = new SideFields();

export class SocketState implements WriterOwner {
  readonly socket: NetSocket;
  #flags = 0;
  /** Its connection, once it is connected. */
  connection: Connection | undefined = undefined;
  /** The connection that it has, or had last. */
  lastConnection: Connection | undefined = undefined;
  writer: SocketWriter | undefined = undefined;
  /** Writes that wait until the socket is uncorked. */
  held: HeldWrite | undefined = undefined;
  /** The listener of `data` that gives bytes to the parser of an http server. */
  parserListener: unknown = undefined;
  /** The time limit, in ms; 0 for none. */
  timeoutMs = 0;
  /** The timer of the time limit. It may still run when the limit was removed. */
  timer: NodeJS.Timeout | undefined = undefined;
  /** The time of a timer that can be used again, in ms; 0 if it cannot. */
  timerMs = 0;
  /** How much was left to send when the timer was set, or last looked at. */
  timerProgress = 0;
  /** To change them there is `#own`. */
  #side: SideFields = NO_SIDE_FIELDS;

  constructor(socket: NetSocket, options?: SocketStateOptions) {
    this.socket = socket;
    if (options !== undefined) {
      this.noDelay = Boolean(options.noDelay);
      this.keepAlive = Boolean(options.keepAlive);
      this.keepAliveDelaySeconds = ~~(Number(options.keepAliveInitialDelay) / 1000);
      this.userBuffer = options.userBuffer;
      this.rare = options.typeOfService === undefined ? undefined : { typeOfService: Number(options.typeOfService) };
    }
  }

  #set(flag: number, value: boolean): void {
    this.#flags = value ? this.#flags | flag : this.#flags & ~flag;
  }

  #own(): SideFields {
    if (this.#side === NO_SIDE_FIELDS) {
      this.#side = new SideFields();
    }
    return this.#side;
  }

  /** From `connect`, or the accept, until `destroy`: the time in which a socket of Node has a handle. */
  get attached(): boolean {
    return (this.#flags & ATTACHED) !== 0;
  }

  set attached(value: boolean) {
    this.#set(ATTACHED, value);
  }

  /** Whether it is a Unix socket. */
  get local(): boolean {
    return (this.#flags & LOCAL) !== 0;
  }

  set local(value: boolean) {
    this.#set(LOCAL, value);
  }

  /** Whether it reads. */
  get reading(): boolean {
    return (this.#flags & READING) !== 0;
  }

  set reading(value: boolean) {
    this.#set(READING, value);
  }

  /** Whether its connection is being opened: reading begins, or not, at the end of that. */
  get opening(): boolean {
    return (this.#flags & OPENING) !== 0;
  }

  set opening(value: boolean) {
    this.#set(OPENING, value);
  }

  /** Whether it stopped reading because many pieces wait in the stream, however small they are. */
  get tooManyPieces(): boolean {
    return (this.#flags & TOO_MANY_PIECES) !== 0;
  }

  set tooManyPieces(value: boolean) {
    this.#set(TOO_MANY_PIECES, value);
  }

  /** Whether the peer has ended. */
  get peerEnded(): boolean {
    return (this.#flags & PEER_ENDED) !== 0;
  }

  set peerEnded(value: boolean) {
    this.#set(PEER_ENDED, value);
  }

  /** `unref` was not called. */
  get referenced(): boolean {
    return (this.#flags & UNREFERENCED) === 0;
  }

  set referenced(value: boolean) {
    this.#set(UNREFERENCED, !value);
  }

  get noDelay(): boolean {
    return (this.#flags & NO_DELAY) !== 0;
  }

  set noDelay(value: boolean) {
    this.#set(NO_DELAY, value);
  }

  get keepAlive(): boolean {
    return (this.#flags & KEEP_ALIVE) !== 0;
  }

  set keepAlive(value: boolean) {
    this.#set(KEEP_ALIVE, value);
  }

  get keepAliveDelaySeconds(): number {
    return this.#side.keepAliveDelaySeconds;
  }

  set keepAliveDelaySeconds(value: number) {
    if (value !== this.#side.keepAliveDelaySeconds) {
      this.#own().keepAliveDelaySeconds = value;
    }
  }

  get userBuffer(): UserBuffer | undefined {
    return this.#side.userBuffer;
  }

  set userBuffer(value: UserBuffer | undefined) {
    if (value !== this.#side.userBuffer) {
      this.#own().userBuffer = value;
    }
  }

  get rare(): RareOptions | undefined {
    return this.#side.rare;
  }

  set rare(value: RareOptions | undefined) {
    if (value !== this.#side.rare) {
      this.#own().rare = value;
    }
  }

  /** The listener of `close` by which a `TLSSocket` over this socket ends. */
  get tlsClose(): SideFields['tlsClose'] {
    return this.#side.tlsClose;
  }

  set tlsClose(value: SideFields['tlsClose']) {
    this.#own().tlsClose = value;
  }

  get adopted(): Adopted | undefined {
    return this.#side.adopted;
  }

  set adopted(value: Adopted | undefined) {
    this.#own().adopted = value;
  }

  /** The TLS that its connection will have. */
  get secure(): SocketTls | undefined {
    return this.#side.secure;
  }

  set secure(value: SocketTls | undefined) {
    this.#own().secure = value;
  }

  /** The connect that is under way. */
  get attempt(): Attempt | undefined {
    return this.#side.attempt;
  }

  set attempt(value: Attempt | undefined) {
    if (value !== this.#side.attempt) {
      this.#own().attempt = value;
    }
  }

  /** Counts of the connection that it had last, once it is destroyed. */
  get bytesRead(): number {
    return this.#side.bytesRead;
  }

  get bytesDispatched(): number {
    return this.#side.bytesDispatched;
  }

  keepCounts(bytesRead: number, bytesDispatched: number): void {
    if (this.#side === NO_SIDE_FIELDS && bytesRead === 0 && bytesDispatched === 0) {
      return;
    }
    const side = this.#own();
    side.bytesRead = bytesRead;
    side.bytesDispatched = bytesDispatched;
  }

  get peerName(): AddressInfo | undefined {
    return this.#side.peerName;
  }

  set peerName(value: AddressInfo | undefined) {
    this.#own().peerName = value;
  }

  get localName(): AddressInfo | undefined {
    return this.#side.localName;
  }

  set localName(value: AddressInfo | undefined) {
    if (value !== this.#side.localName) {
      this.#own().localName = value;
    }
  }

  writeTaken(): void {
    if (!this.socket.destroyed) {
      this.socket._unrefTimer();
    }
  }

  writerIdle(): void {
    updateReference(this);
  }
}

export interface SocketStateOptions {
  readonly noDelay: unknown;
  readonly keepAlive: unknown;
  readonly keepAliveInitialDelay: unknown;
  readonly userBuffer: UserBuffer | undefined;
  readonly typeOfService?: unknown;
}

/** Sets whether the socket keeps the process alive. As with libuv it does only while it reads, writes or connects. */
export function updateReference(state: SocketState): void {
  const { connection, attempt, referenced } = state;
  attempt?.setReferenced(referenced);
  if (connection === undefined) {
    return;
  }
  if (referenced && (state.reading || state.writer?.busy === true)) {
    connection.ref();
  } else {
    connection.unref();
  }
}
