/** Sizes, works and words that several scenarios share. */

import type { Work } from '../load/order.js';
import { MESSAGE_BYTES } from '../servers/roles.js';

export const KIB = 1024;

/** The size of a small message. */
export const SMALL_BYTES = 64;

/** Connections of a `connects` work at one time. */
export const CONNECTING = 200;

export const countText = (value: number): string => value.toLocaleString('en');

export const sizeText = (bytes: number): string =>
  bytes < KIB ? `${bytes} B` : bytes < KIB * KIB ? `${bytes / KIB} KiB` : `${bytes / KIB / KIB} MiB`;

interface EchoDetails {
  /** Connections that are not silent; all by default. */
  readonly active?: number;
  /** Messages in flight on each active connection; 1 by default. */
  readonly pipeline?: number;
}

export const echoWork = (connections: number, sizeBytes: number, details: EchoDetails = {}): Work => ({
  kind: 'echo',
  connections,
  active: details.active ?? connections,
  sizeBytes,
  pipeline: details.pipeline ?? 1,
});

export const connectsWork = (): Work => ({ kind: 'connects', inFlight: CONNECTING, sizeBytes: SMALL_BYTES });

/** Handshakes of a `connects` work over TLS at one time: each takes a server ten times as long as a connection. */
export const HANDSHAKING = 50;

export const handshakesWork = (resumes: boolean): Work => ({
  kind: 'connects',
  inFlight: HANDSHAKING,
  sizeBytes: SMALL_BYTES,
  resumes,
});

export const broadcastWork = (members: number, burst = 1): Work => ({
  kind: 'broadcast',
  members,
  sizeBytes: MESSAGE_BYTES,
  burst,
  inFlight: 1,
});
