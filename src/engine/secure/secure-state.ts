/** The part of a connection's record that only TLS needs. */

import type { Buffer } from 'node:buffer';
import type { HandshakeHooks } from '../../tls/library.js';
import type { TlsSession } from '../../tls/session.js';
import type { CloseReason } from '../close-reasons.js';
import type { ConnectionRecord, Handshaking } from '../connection-core/record.js';
import { NEVER } from '../scheduling/timer-wheel.js';
import type { WriteQueue } from '../writing/write-queue.js';

/** A server waits for the ClientHello; nothing of OpenSSL exists yet. */
export const AWAITS_HELLO = 0;
/** The program looks for the certificate of a name. */
export const CHOOSING = 1;
export const HANDSHAKING = 2;
/** Data goes both ways. */
export const SECURED = 3;
/** TLS has failed: an alert is on its way to the peer, and then the connection closes. */
export const FAILING = 4;

export type Phase = typeof AWAITS_HELLO | typeof CHOOSING | typeof HANDSHAKING | typeof SECURED | typeof FAILING;

/** Why TLS has failed. */
export interface TlsFailure {
  readonly reason: CloseReason;
  readonly error: Error;
}

export class SecureState {
  phase: Phase = AWAITS_HELLO;
  session: TlsSession | undefined = undefined;
  hooks: HandshakeHooks | undefined = undefined;
  /** Received bytes of the handshake that wait for their turn. */
  input: Buffer | undefined = undefined;
  /** Whether the connection waits in the engine's queue of handshakes. */
  queued = false;
  /** Encrypted bytes that are not sent yet. */
  cipher: WriteQueue | undefined = undefined;
  /** The number of the program's bytes whose records are in `cipher` or in flight. */
  plainInFlight = 0;
  /** The bytes of answers to the peer's key updates that were made since all encrypted bytes were sent. */
  answerBytes = 0;
  /** Whether close_notify was encrypted: it is the last record. */
  goodbye = false;
  /** Whether its handler `open` was called, or the call is due. */
  opened = false;
  /** The tick when the handshake, the rest of a message of the peer, or a failure's alert has taken too long. */
  dueTick = NEVER;
  /** The records without data that the session has read, when that was last looked at. */
  controls = 0;
  servername: string | undefined = undefined;
  authorized = false;
  authorizationError: string | undefined = undefined;
  failure: TlsFailure | undefined = undefined;
  /** The value of `connection.context`, or the function that makes it, until the connection opens. */
  contextOption: unknown = undefined;
  /** Called once: the connection is open, or never will be. */
  settled: ((error: Error | undefined) => void) | undefined = undefined;
}

/** A connection with TLS. */
export interface SecureRecord extends ConnectionRecord, Handshaking {
  readonly secure: SecureState;
  /** The handshake is done: makes its context, and opens it. */
  opens(): void;
}
