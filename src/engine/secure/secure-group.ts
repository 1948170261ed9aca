/** The TLS of a server's connections, or of a `connect`: how a session begins, and which peers are refused. */

import type { ClientHello } from '../../tls/client-hello.js';
import type { HandshakeHooks } from '../../tls/library.js';
import type { TlsSession } from '../../tls/session.js';

/** A session that is about to begin its handshake. */
export interface NewSession {
  readonly session: TlsSession;
  readonly hooks: HandshakeHooks;
}

/** Whether the peer is who it says. */
export interface Judgement {
  readonly authorized: boolean;
  /** Why it is not authorized: a code of the certificate's verification. */
  readonly authorizationError: string | undefined;
  /** Why the connection must end. */
  readonly refusal: Error | undefined;
}

export interface SecureGroup {
  readonly side: 'server' | 'client';
  /** The longest time of a handshake. */
  readonly handshakeTicks: number;
  /** The name that a client asks for; undefined on a server. */
  readonly servername: string | undefined;
  /**
   * Whether ends are those of `node:tls`: a FIN without close_notify is an end and no error, and a peer that the program
   * refuses gets no alert.
   */
  readonly actsAsNodes: boolean;
  /**
   * Makes a session, or fails. Calls back once, perhaps later.
   * @param hello what the client has sent, on a server
   */
  begin(hello: ClientHello | undefined, done: (begun: NewSession | Error) => void): void;
  /** A step of the handshake was taken, and what it has written is not sent: why the peer is refused already. */
  refuses(session: TlsSession): Error | undefined;
  /**
   * The end of our handshake is written and not sent, and the peer's has not come: why the peer is refused already. After
   * that end, TLS 1.2 and older versions read no alert that is not encrypted.
   */
  refusesBeforeEnd?(session: TlsSession): Error | undefined;
  /** The handshake is done: whether its peer is accepted. */
  judge(session: TlsSession): Judgement;
  /** The session of a client may be another one: the server has sent records without data. */
  sessionChanged?(session: TlsSession): void;
}
