/** The receiving side of a connection with TLS: bytes are decrypted where they were received, and go the way of all data. */

import type { Buffer } from 'node:buffer';
import { type PoolBuffer, poolOf } from '../../port/buffer-pool.js';
import type { Completion } from '../../port/completion.js';
import { tlsError } from '../../tls/errors.js';
import type { RecordBuffer } from '../../tls/record-memory.js';
import type { TlsSession } from '../../tls/session.js';
import { close } from '../connection-core/close.js';
import { peerEnded, received, receivedCopy, receivedNoData } from '../connection-core/receive.js';
import { CLOSING, PEER_FIN } from '../connection-core/state.js';
import { restArrived, takeWritten } from './encrypt.js';
import { fail } from './failure.js';
import { SECURED, type SecureRecord } from './secure-state.js';

/** The most bytes of answers to key updates that wait for sending: those to about 600. */
const ANSWER_BYTES_MAX = 16_384;

/** A completion of a receive after the handshake, with bytes. */
export function decryptReceived(connection: SecureRecord, session: TlsSession, completion: Completion): void {
  const buffer = completion.buffer as PoolBuffer;
  const { address } = buffer;
  const pool = poolOf(buffer);
  // The results are in an object that the next read uses again.
  const { copied, lent, byteLength, ended, error } = session.read(
    pool.memory,
    address - pool.address,
    completion.bytes,
    address,
  );
  const flood = written(connection, session);
  if (session.controls !== connection.secure.controls) {
    controlled(connection, session);
  }
  if (copied !== undefined) {
    deliverRecord(connection, copied, lent);
  }
  if (byteLength > 0) {
    completion.bytes = byteLength;
    received(connection, completion);
  } else {
    receivedNoData(connection, completion);
  }
  conclude(connection, ended, error ?? flood);
}

/** Bytes that came with the last ones of the handshake. They are in memory of their own. */
export function decryptEarly(connection: SecureRecord, session: TlsSession, bytes: Buffer, address: number): void {
  const { copied, lent, byteLength, ended, error } = session.read(bytes, 0, bytes.length, address);
  const flood = written(connection, session);
  if (session.controls !== connection.secure.controls) {
    controlled(connection, session);
  }
  if (copied !== undefined) {
    deliverRecord(connection, copied, lent);
  }
  if (byteLength > 0) {
    receivedCopy(connection, bytes.subarray(0, byteLength));
  }
  conclude(connection, ended, error ?? flood);
}

/** The data of a record that began in earlier bytes. @param lent its memory, whose reference is released */
function deliverRecord(connection: SecureRecord, bytes: Buffer, lent: RecordBuffer | undefined): void {
  try {
    receivedCopy(connection, bytes, lent);
  } finally {
    lent?.release();
  }
}

/** Reading may have answered the peer: an alert, key updates. @returns an error if the peer takes none of many answers */
function written(connection: SecureRecord, session: TlsSession): Error | undefined {
  const byteLength = session.library.written;
  if (byteLength === 0) {
    return undefined;
  }
  takeWritten(connection, session);
  connection.group.engine.scheduler.flushNext(connection);
  connection.secure.answerBytes += byteLength;
  return connection.secure.answerBytes > ANSWER_BYTES_MAX
    ? tlsError(
        'ERR_TLS_CONTROL_FLOOD',
        `More than ${ANSWER_BYTES_MAX} bytes wait that answer key updates of the peer`,
        'tls read',
      )
    : undefined;
}

/** Records without data came: perhaps a ticket, for a client that wants to know. */
function controlled(connection: SecureRecord, session: TlsSession): void {
  const { group, secure } = connection;
  secure.controls = session.controls;
  if ((connection.flags & CLOSING) === 0 && secure.phase === SECURED) {
    if (!session.awaitsRest) {
      restArrived(connection);
    }
    group.secure?.sessionChanged?.(session);
  }
}

function conclude(connection: SecureRecord, ended: boolean, error: Error | undefined): void {
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  if (error !== undefined) {
    fail(connection, 'tls_error', error);
  } else if (ended) {
    peerEnded(connection);
  }
}

/** A receive has ended without bytes: the peer's FIN, an error of the system, or our cancellation. */
export function transportEnded(connection: SecureRecord, completion: Completion): void {
  const { secure } = connection;
  const { failure } = secure;
  if (completion.code !== undefined && (connection.flags & PEER_FIN) === 0) {
    received(connection, completion);
    return;
  }
  // A peer that has ended may be gone: whether it misses anything shows when that is sent.
  receivedNoData(connection, completion);
  if (failure !== undefined) {
    close(connection, failure.reason, failure.error);
  } else if ((connection.flags & PEER_FIN) === 0) {
    // It was not announced by close_notify.
    if (secure.phase === SECURED && connection.group.secure?.actsAsNodes === true) {
      peerEnded(connection);
      return;
    }
    const reason =
      secure.phase === SECURED
        ? 'The stream has ended without close_notify: what the peer has sent may be incomplete'
        : 'The peer has ended the stream during the handshake';
    close(connection, 'tls_error', tlsError('ERR_TLS_TRUNCATED', reason, 'tls read'));
  }
}
