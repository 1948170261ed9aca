/** TLS fails: the peer gets the alert that says why, and then the connection closes. */

import type { CloseReason } from '../close-reasons.js';
import { close } from '../connection-core/close.js';
import { CLOSING, SENDING } from '../connection-core/state.js';
import { tickAfter, ticksOf } from '../scheduling/timer-wheel.js';
import { takeWritten } from './encrypt.js';
import { FAILING, type SecureRecord } from './secure-state.js';

/** The longest time in which the peer may take the alert, in ms. */
const ALERT_MS = 1000;

/** Alerts (RFC 8446, section 6.2). */
export const CERTIFICATE_UNKNOWN = 46;
export const INTERNAL_ERROR = 80;
export const UNRECOGNIZED_NAME = 112;

/** A record of TLS 1.2 with a fatal alert. During a handshake it is read unencrypted, also by TLS 1.3. */
function alertRecord(alert: number): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, alert);
}

/** Fails during the handshake for a reason that OpenSSL does not know. */
export function failPlainly(connection: SecureRecord, error: Error, alert: number): void {
  const { secure } = connection;
  const record = alertRecord(alert);
  secure.cipher ??= connection.group.engine.writes.takeQueue();
  secure.cipher.addBytes(record, record.length);
  fail(connection, 'tls_error', error);
}

export function fail(connection: SecureRecord, reason: CloseReason, error: Error): void {
  const { secure } = connection;
  if ((connection.flags & CLOSING) !== 0 || secure.failure !== undefined) {
    return;
  }
  secure.failure = { reason, error };
  secure.phase = FAILING;
  secure.input = undefined;
  if (secure.session !== undefined) {
    takeWritten(connection, secure.session);
  }
  const { engine } = connection.group;
  if ((connection.flags & SENDING) === 0 && (secure.cipher === undefined || secure.cipher.empty)) {
    close(connection, reason, error);
    return;
  }
  engine.wheel.look();
  secure.dueTick = tickAfter(engine.wheel.tick, ticksOf(ALERT_MS));
  engine.wheel.remove(connection);
  engine.wheel.set(connection, secure.dueTick);
  engine.scheduler.flushNext(connection);
}
