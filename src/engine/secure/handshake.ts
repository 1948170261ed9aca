/** The handshake of a connection with TLS. */

import { Buffer } from 'node:buffer';
import { addressOfBytes } from '../../ffi/library.js';
import { readClientHello } from '../../tls/client-hello.js';
import { tlsError } from '../../tls/errors.js';
import type { HandshakeStep, TlsSession } from '../../tls/session.js';
import { close } from '../connection-core/close.js';
import { receive } from '../connection-core/receive.js';
import { CLOSING, LINGERING, RECEIVES_ONCE } from '../connection-core/state.js';
import { NEVER, tickAfter } from '../scheduling/timer-wheel.js';
import { decryptEarly } from './decrypt.js';
import { takeWritten } from './encrypt.js';
import { CERTIFICATE_UNKNOWN, fail, failPlainly, INTERNAL_ERROR, UNRECOGNIZED_NAME } from './failure.js';
import type { NewSession, SecureGroup } from './secure-group.js';
import { AWAITS_HELLO, CHOOSING, HANDSHAKING, SECURED, type SecureRecord } from './secure-state.js';

/** The most bytes of a handshake that wait for their turn: a chain of certificates of 100 KiB, as many as OpenSSL takes. */
const INPUT_BYTES_MAX = 128 * 1024;

/** A client begins its session at once; a server does so when it has read the ClientHello. */
export function beginHandshake(connection: SecureRecord): void {
  const { engine, secure: group } = connection.group;
  const { secure } = connection;
  const { handshakeTicks, side, servername } = group as SecureGroup;
  // Received bytes wait for the connection's turn, and no more are received until then.
  connection.flags |= RECEIVES_ONCE;
  engine.wheel.look();
  secure.dueTick = tickAfter(engine.wheel.tick, handshakeTicks);
  engine.wheel.set(connection, secure.dueTick);
  engine.port.wantTurn();
  if (side === 'client') {
    secure.servername = servername;
    secure.phase = CHOOSING;
    (group as SecureGroup).begin(undefined, (begun) => sessionBegins(connection, begun, true));
  }
}

/** Bytes were received. They wait for the connection's turn. */
export function addHandshakeBytes(connection: SecureRecord, bytes: Uint8Array): void {
  const { secure } = connection;
  const before = secure.input?.length ?? 0;
  if (before + bytes.length > INPUT_BYTES_MAX) {
    fail(
      connection,
      'tls_error',
      tlsError('ERR_TLS_HANDSHAKE_TOO_LARGE', `The handshake has more than ${INPUT_BYTES_MAX} bytes`, 'tls handshake'),
    );
    return;
  }
  const input = Buffer.allocUnsafeSlow(before + bytes.length);
  secure.input?.copy(input);
  input.set(bytes, before);
  secure.input = input;
  queueStep(connection);
  connection.group.engine.held.change(connection, bytes.length);
}

function queueStep(connection: SecureRecord): void {
  const { secure } = connection;
  if (!secure.queued) {
    secure.queued = true;
    connection.group.engine.handshakes.add(connection);
  }
}

/** The connection's turn. */
export function handshakeStep(connection: SecureRecord): void {
  const { secure } = connection;
  secure.queued = false;
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  if (secure.phase === AWAITS_HELLO) {
    readHello(connection);
  } else if (secure.phase === HANDSHAKING) {
    shakeHands(connection, secure.session as TlsSession);
  }
}

function readHello(connection: SecureRecord): void {
  const { secure } = connection;
  const hello = readClientHello(secure.input as Buffer);
  if (hello === 'incomplete') {
    receive(connection);
    return;
  }
  secure.servername = hello?.servername;
  secure.phase = CHOOSING;
  let inTurn = true;
  (connection.group.secure as SecureGroup).begin(hello, (begun) => sessionBegins(connection, begun, inTurn));
  inTurn = false;
}

/**
 * The certificate was chosen.
 * @param inTurn whether it is the connection's turn. The program may also have taken its time, and call from anywhere, even
 * from a callback of another handshake
 */
function sessionBegins(connection: SecureRecord, begun: NewSession | Error, inTurn: boolean): void {
  const { secure } = connection;
  if ((connection.flags & CLOSING) !== 0 || secure.phase !== CHOOSING) {
    if (!(begun instanceof Error)) {
      begun.session.free();
    }
    return;
  }
  if (begun instanceof Error) {
    const { side, actsAsNodes } = connection.group.secure as SecureGroup;
    if (side === 'client' || actsAsNodes) {
      close(connection, 'tls_error', begun);
    } else {
      failPlainly(connection, begun, secure.servername === undefined ? INTERNAL_ERROR : UNRECOGNIZED_NAME);
    }
    return;
  }
  secure.session = begun.session;
  secure.hooks = begun.hooks;
  secure.phase = HANDSHAKING;
  if (inTurn) {
    shakeHands(connection, begun.session);
  } else {
    queueStep(connection);
  }
}

function shakeHands(connection: SecureRecord, session: TlsSession): void {
  const { secure } = connection;
  const { input } = secure;
  secure.input = undefined;
  if (input !== undefined) {
    connection.group.engine.held.change(connection, -input.length);
  }
  const step = session.handshake(input, secure.hooks ?? { protocols: undefined, keylog: undefined });
  const { unread } = session.library;
  session.library.offer(0, 0);
  let refusal: Error | undefined;
  try {
    refusal = refusalAfter(step, connection, session, input !== undefined);
  } catch (error) {
    session.library.dropWritten();
    throw error;
  }
  if ((connection.flags & CLOSING) !== 0) {
    // A callback of the program has closed it.
    session.library.dropWritten();
    return;
  }
  if (refusal !== undefined) {
    // A peer that is not who it claims to be gets neither our Finished nor our certificate.
    session.library.dropWritten();
    if ((connection.group.secure as SecureGroup).actsAsNodes) {
      close(connection, 'tls_error', refusal);
    } else {
      failPlainly(connection, refusal, CERTIFICATE_UNKNOWN);
    }
    return;
  }
  takeWritten(connection, session);
  connection.group.engine.scheduler.flushNext(connection);
  if (step instanceof Error) {
    fail(connection, 'tls_error', step);
  } else if (step === 'done') {
    connection.flags &= ~RECEIVES_ONCE;
    handshakeDone(
      connection,
      session,
      input !== undefined && unread > 0 ? input.subarray(input.length - unread) : undefined,
    );
  }
  receive(connection);
}

/** @param answers whether the peer has sent something @returns why the peer is refused */
function refusalAfter(
  step: HandshakeStep,
  connection: SecureRecord,
  session: TlsSession,
  answers: boolean,
): Error | undefined {
  if (step instanceof Error) {
    return undefined;
  }
  const group = connection.group.secure as SecureGroup;
  const refusal = group.refuses(session);
  if (refusal !== undefined) {
    return refusal;
  }
  if (step === 'done') {
    return judge(connection, session);
  }
  return answers && session.library.written > 0 ? group.refusesBeforeEnd?.(session) : undefined;
}

function judge({ group, secure }: SecureRecord, session: TlsSession): Error | undefined {
  const { authorized, authorizationError, refusal } = (group.secure as SecureGroup).judge(session);
  secure.authorized = authorized;
  secure.authorizationError = authorizationError;
  return refusal;
}

function handshakeDone(connection: SecureRecord, session: TlsSession, early: Buffer | undefined): void {
  const { secure, group } = connection;
  secure.phase = SECURED;
  secure.opened = true;
  secure.hooks = undefined;
  secure.dueTick = NEVER;
  group.counters.handshakes++;
  if (session.resumed) {
    group.counters.handshakesResumed++;
  }
  connection.phaseTick = group.engine.wheel.tick;
  connection.opens();
  if (early !== undefined && (connection.flags & CLOSING) === 0) {
    decryptEarly(connection, session, early, addressOfBytes(early));
  }
}

/** The wheel has reached the connection's entry before it is open, or while it fails. */
export function handshakeTimeIsUp(connection: SecureRecord): void {
  const { secure } = connection;
  const { wheel } = connection.group.engine;
  const { deadlineTick } = connection.side;
  if (secure.dueTick <= wheel.tick) {
    if (secure.failure !== undefined) {
      close(connection, secure.failure.reason, secure.failure.error);
    } else {
      const reason = 'The handshake has taken too long (tls.handshakeTimeoutMs)';
      close(connection, 'handshake_timeout', tlsError('ERR_TLS_HANDSHAKE_TIMEOUT', reason, 'tls handshake'));
    }
  } else if (deadlineTick <= wheel.tick) {
    close(connection, (connection.flags & LINGERING) === 0 ? 'deadline' : 'destroyed');
  } else {
    wheel.set(connection, Math.min(secure.dueTick, deadlineTick));
  }
}
