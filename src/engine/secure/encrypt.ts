/** The sending side of a connection with TLS: what waits is encrypted when it is posted, at most one send at a time. */

import { bufferDetached } from '../../base/errors.js';
import { isIntact, type MemoryOwner, RefCounted } from '../../base/ref-counted.js';
import { lazySlab } from '../../ffi/memory.js';
import type { Completion } from '../../port/completion.js';
import { BLOCK_BYTES_MAX } from '../../port/sending/write-arena.js';
import { RECORD_PLAIN_BYTES_MAX } from '../../tls/records.js';
import type { TlsSession } from '../../tls/session.js';
import { close, finishOrFail } from '../connection-core/close.js';
import { MINDS_SENDS, sent } from '../connection-core/send.js';
import { ourEndDone, postFin } from '../connection-core/shutdown.js';
import { CLOSING, DIRTY, FIN_REQUESTED, PEER_FIN, SENDING, TRUNCATED } from '../connection-core/state.js';
import { armWriteStall, timeIsUp } from '../connection-core/timeouts.js';
import { NEVER, tickAfter } from '../scheduling/timer-wheel.js';
import type { PieceTaker, WriteQueue } from '../writing/write-queue.js';
import { SECURED, type SecureRecord } from './secure-state.js';

/** A record is longer than its bytes by at most this: header, nonce, padding and MAC of the worst cipher. */
const RECORD_OVERHEAD_BYTES = 96;

/** The most bytes of one send before they are encrypted: with their overhead they fill a block. */
const PLAIN_BYTES_MAX = 15 * RECORD_PLAIN_BYTES_MAX;

/** Bytes are encrypted in portions, so that what OpenSSL writes is still in the processor's cache when it is moved. */
const PORTION_BYTES = 4 * RECORD_PLAIN_BYTES_MAX;

/**
 * Pieces of up to this size are copied together, if there are several: a record of its own costs the processor more than the
 * copy, and the network 22 bytes.
 */
const GATHERED_PIECE_BYTES_MAX = 4096;

/** Small pieces that become one record. */
const gatheredPieces = lazySlab(RECORD_PLAIN_BYTES_MAX);

/** Moves what OpenSSL has written to the connection's queue of encrypted bytes. */
export function takeWritten(connection: SecureRecord, session: TlsSession): void {
  const { library } = session;
  const { secure } = connection;
  const { writes } = connection.group.engine;
  let left = library.written;
  if (left === 0) {
    return;
  }
  try {
    secure.cipher ??= writes.takeQueue();
    while (left > 0) {
      const byteLength = Math.min(left, BLOCK_BYTES_MAX);
      const block = secure.cipher.reserve(byteLength);
      library.take(block.address + block.used, byteLength);
      secure.cipher.reserved(block, byteLength);
      left -= byteLength;
    }
    library.takenAll();
  } catch (error) {
    // There is no memory for it.
    library.dropWritten();
    throw error;
  }
}

/** Encrypts pieces of what a connection has written. One object for all connections, as nothing runs in between. */
class Encryptor implements PieceTaker {
  #connection: SecureRecord | undefined;
  #session: TlsSession | undefined;
  /** Whether there are several pieces. */
  #gathers = false;
  /** Bytes of small pieces that are not encrypted yet. */
  #gatheredBytes = 0;

  /** Encrypts the first bytes of a queue. @returns how many */
  encrypt(connection: SecureRecord, session: TlsSession, queue: WriteQueue): number {
    this.#connection = connection;
    this.#session = session;
    this.#gathers = !queue.hasOnePiece;
    try {
      const byteLength = queue.consume(PLAIN_BYTES_MAX, this);
      this.#writeGathered();
      return byteLength;
    } finally {
      this.#gatheredBytes = 0;
      this.#connection = undefined;
      this.#session = undefined;
    }
  }

  take(address: number, byteLength: number, owner: MemoryOwner): void {
    if (this.#gathers && byteLength <= GATHERED_PIECE_BYTES_MAX && owner instanceof RefCounted) {
      this.#gather(owner.bytesAt(address, byteLength));
      return;
    }
    this.#writeGathered();
    this.#write(address, byteLength, owner);
  }

  #gather(bytes: Uint8Array): void {
    if (this.#gatheredBytes + bytes.length > RECORD_PLAIN_BYTES_MAX) {
      this.#writeGathered();
    }
    gatheredPieces().u8.set(bytes, this.#gatheredBytes);
    this.#gatheredBytes += bytes.length;
  }

  #writeGathered(): void {
    const byteLength = this.#gatheredBytes;
    if (byteLength > 0) {
      const session = this.#session as TlsSession;
      this.#gatheredBytes = 0;
      session.write(gatheredPieces().address, byteLength);
      takeWritten(this.#connection as SecureRecord, session);
    }
  }

  #write(address: number, byteLength: number, owner: MemoryOwner): void {
    const connection = this.#connection as SecureRecord;
    const session = this.#session as TlsSession;
    for (let offset = 0; offset < byteLength; offset += PORTION_BYTES) {
      // Only now: nothing runs between this check and the call that reads the memory.
      if (!isIntact(owner)) {
        throw bufferDetached('send');
      }
      session.write(address + offset, Math.min(PORTION_BYTES, byteLength - offset));
      takeWritten(connection, session);
    }
  }
}

const encryptor = new Encryptor();

/** Encrypts what waits, and close_notify after the last of it. */
function encryptWritten(connection: SecureRecord, session: TlsSession): void {
  const { queue, secure } = connection;
  if (queue !== undefined && !queue.empty) {
    const byteLength = Math.min(queue.queuedBytes, PLAIN_BYTES_MAX);
    if (byteLength > RECORD_PLAIN_BYTES_MAX) {
      secure.cipher ??= connection.group.engine.writes.takeQueue();
      secure.cipher.reserve(
        Math.ceil(byteLength / RECORD_PLAIN_BYTES_MAX) * (RECORD_PLAIN_BYTES_MAX + RECORD_OVERHEAD_BYTES),
      );
    }
    secure.plainInFlight = encryptor.encrypt(connection, session, queue);
  }
  const last = queue === undefined || queue.empty;
  if (last && !secure.goodbye && (connection.flags & (FIN_REQUESTED | TRUNCATED)) === FIN_REQUESTED) {
    secure.goodbye = true;
    session.closeNotify();
    takeWritten(connection, session);
  }
}

/** Encrypts and posts what was written, unless a send is in flight; after the last of it, close_notify and the FIN. */
export function postSecured(connection: SecureRecord): void {
  connection.flags &= ~DIRTY;
  const { engine } = connection.group;
  const { secure } = connection;
  if ((connection.flags & (SENDING | CLOSING)) !== 0) {
    engine.port.mindSends();
    return;
  }
  const waits = waitsForPeer(connection);
  // Bytes that are encrypted already are sent first: more of them would only wait.
  if (secure.phase === SECURED && secure.plainInFlight === 0 && !waits) {
    encryptWritten(connection, secure.session as TlsSession);
  }
  if (secure.cipher !== undefined && !secure.cipher.empty) {
    postCipher(connection, secure.cipher);
  } else if (secure.failure !== undefined) {
    close(connection, secure.failure.reason, secure.failure.error);
  } else if (waits) {
    limitWait(connection);
  } else if ((connection.flags & FIN_REQUESTED) !== 0 && secure.phase === SECURED) {
    postFin(connection);
  }
}

/** Whether the peer has sent half a message: OpenSSL writes neither data nor close_notify before the rest of it has come. */
function waitsForPeer(connection: SecureRecord): boolean {
  const { flags, secure } = connection;
  return (
    secure.phase === SECURED && secure.session?.awaitsRest === true && (flags & TRUNCATED) === 0 && hasMore(connection)
  );
}

/** Whether something is to be encrypted: data, or close_notify. */
function hasMore({ flags, queue, secure }: SecureRecord): boolean {
  return ((flags & FIN_REQUESTED) !== 0 && !secure.goodbye) || (queue !== undefined && !queue.empty);
}

/** A peer that never sends the rest is one that takes nothing. */
function limitWait(connection: SecureRecord): void {
  const { engine, limits } = connection.group;
  const { secure } = connection;
  if (secure.dueTick === NEVER) {
    secure.dueTick = tickAfter(engine.wheel.tick, limits.writeStallTicks);
    armStalled(connection);
  }
}

/** Puts that limit on the wheel, unless the connection has an earlier entry. */
function armStalled(connection: SecureRecord): void {
  const { dueTick } = connection.secure;
  if (dueTick < NEVER && (connection.timerNext === undefined || dueTick < connection.dueTick)) {
    connection.group.engine.wheel.set(connection, dueTick);
  }
}

/** The peer's message is complete: what has waited for it is sent. */
export function restArrived(connection: SecureRecord): void {
  connection.secure.dueTick = NEVER;
  if (hasMore(connection)) {
    connection.group.engine.scheduler.flushNext(connection);
  }
}

/** The wheel has reached the entry of an open connection. */
export function securedTimeIsUp(connection: SecureRecord): void {
  if (connection.secure.dueTick <= connection.group.engine.wheel.tick) {
    close(connection, 'write_stall');
    return;
  }
  timeIsUp(connection);
  if ((connection.flags & CLOSING) === 0) {
    armStalled(connection);
  }
}

function postCipher(connection: SecureRecord, cipher: WriteQueue): void {
  const { engine } = connection.group;
  const { queue, secure } = connection;
  cipher.post(connection.socket);
  const all = cipher.empty && (queue === undefined || queue.empty) && secure.failure === undefined;
  if (all && (connection.flags & MINDS_SENDS) === 0) {
    engine.port.quietLastSend();
  }
  connection.flags |= SENDING;
  engine.counters.sendsPosted++;
  connection.sentTick = engine.wheel.tick;
  if (secure.phase === SECURED) {
    armWriteStall(connection);
  }
}

/** The send in flight has completed. The written bytes in it count once all of their records are sent. */
export function securedSent(connection: SecureRecord, completion: Completion): void {
  const { secure } = connection;
  const { engine } = connection.group;
  const whole = secure.cipher === undefined || secure.cipher.empty;
  const { plainInFlight } = secure;
  if (whole) {
    secure.plainInFlight = 0;
    secure.answerBytes = 0;
    if (secure.cipher !== undefined) {
      engine.writes.giveUnowned(secure.cipher);
      secure.cipher = undefined;
    }
    if (plainInFlight > 0) {
      completion.bytes = plainInFlight;
      sent(connection, completion);
      return;
    }
  }
  engine.counters.sendsCompleted++;
  connection.flags &= ~SENDING;
  const needless = whole && secure.goodbye && (connection.flags & (PEER_FIN | CLOSING)) === PEER_FIN;
  if (needless && completion.code !== undefined) {
    // Many peers send close_notify and close their socket at once. All that they miss is ours.
    ourEndDone(connection);
  } else if (!finishOrFail(connection, completion)) {
    connection.sentTick = engine.wheel.tick;
    connection.postWritten();
  }
}
