/** TLS of one `tls.connect`, on the engine: what Node's `TLSSocket` asks of OpenSSL, and how it judges the server. */

import { Buffer } from 'node:buffer';
import type { PeerCertificate } from 'node:tls';
import { withCode } from '../../base/argument-errors.js';
import { reportUncaught } from '../../base/throw-async.js';
import { errorOf } from '../../engine/connection-core/handler-table.js';
import { ticksOf } from '../../engine/scheduling/timer-wheel.js';
import { ClientSide } from '../../engine/secure/client-side.js';
import type { Judgement } from '../../engine/secure/secure-group.js';
import { addressOfContext, createSecureContext, type SecureContext } from '../../tls/context.js';
import { type HandshakeHooks, ProtocolList, tlsLibrary } from '../../tls/library.js';
import { contextOptionsOf } from '../../tls/options.js';
import type { ShownSession, TlsSession } from '../../tls/session.js';
import { ephemeralKeyOf, ticketOf } from '../../tls/session-details.js';
import { resumableSessionOf } from '../../tls/session-info.js';
import type { NetSocket } from '../socket/state.js';
import { peerCertificateWithIssuers } from './certificates.js';
import { type ClientOptions, clientProtocols } from './client-options.js';
import { secureError } from './errors.js';
import { engineContextOf } from './recorded-contexts.js';

export class ClientGroup extends ClientSide {
  readonly actsAsNodes = true;
  /** Programs set a time limit at the socket. */
  readonly handshakeTicks = ticksOf(0);
  /** The name to ask for; `setServername` changes it until the connection begins. */
  servername: string | undefined;
  /** The session to resume; `setSession` changes it likewise. */
  session: Uint8Array | undefined;
  readonly options: ClientOptions;
  /** Changes that the program made before the session began. */
  readonly changes: ((session: TlsSession) => void)[] = [];
  readonly #socket: NetSocket;
  /** Sessions that the program does not know yet. */
  readonly #sessions: ShownSession[] = [];
  /** The one that an event shows now: the connection may have a later one already. */
  shown: ShownSession | undefined;
  protected readonly context: SecureContext;
  protected readonly protocols: ProtocolList | undefined;

  /** @throws what Node throws for wrong options of a context */
  constructor(socket: NetSocket, options: ClientOptions) {
    super();
    this.#socket = socket;
    this.options = options;
    this.servername = options.servername || undefined;
    this.setSession(options.session);
    const names = clientProtocols(options);
    this.protocols = names.length === 0 ? undefined : new ProtocolList(names);
    const { secureContext } = options;
    this.context = (secureContext && engineContextOf(secureContext)) || createSecureContext(contextOptionsOf(options));
  }

  setSession(session: unknown): void {
    this.session =
      typeof session === 'string' ? Buffer.from(session, 'latin1') : ((session || undefined) as Uint8Array);
  }

  protected get rejects(): boolean {
    return this.options.rejectUnauthorized !== false;
  }

  protected prepared(session: TlsSession): HandshakeHooks['keylog'] {
    for (const change of this.changes.splice(0)) {
      change(session);
    }
    session.onControl = () => this.#keepTicket(session);
    return this.#keylog();
  }

  #keylog(): ((line: string) => void) | undefined {
    const socket = this.#socket;
    if (socket.listenerCount('keylog') === 0) {
      return undefined;
    }
    tlsLibrary().logKeys(addressOfContext(this.context));
    return (line) => {
      socket.emit('keylog', Buffer.from(`${line}\n`));
    };
  }

  override judge(session: TlsSession): Judgement {
    const weak = this.#weakness(session);
    return weak === undefined
      ? super.judge(session)
      : { authorized: false, authorizationError: undefined, refusal: weak };
  }

  protected authorizationErrorOf(error: Error): string {
    return (error as NodeJS.ErrnoException).code || secureError(error).message;
  }

  #weakness(session: TlsSession): Error | undefined {
    const key = ephemeralKeyOf(session) as { readonly type?: string; readonly size?: number };
    const { size = 0 } = key;
    return key.type === 'DH' && size < this.options.minDHSize
      ? withCode(new Error(`DH parameter size ${size} is less than ${this.options.minDHSize}`), 'ERR_TLS_DH_PARAM_SIZE')
      : undefined;
  }

  /** Whether the certificate is that of the host. That of a resumed session was checked before. */
  protected identityError(session: TlsSession): Error | undefined {
    if (session.resumed) {
      return undefined;
    }
    const { checkServerIdentity, host, servername } = this.options;
    const plain = peerCertificateWithIssuers(session);
    try {
      return checkServerIdentity(servername || host || 'localhost', plain as PeerCertificate) || undefined;
    } catch (error) {
      return errorOf(error);
    }
  }

  /** The server may have sent a ticket: each makes a session. */
  #keepTicket(session: TlsSession): void {
    const bytes = this.#socket.listenerCount('session') > 0 ? resumableSessionOf(session) : undefined;
    if (bytes !== undefined) {
      this.#sessions.push({ bytes, ticket: ticketOf(session) });
    }
  }

  /** The handshake is done: with TLS 1.2 it has made the session. */
  handshakeDone(session: TlsSession): void {
    if (!session.resumed) {
      this.#keepTicket(session);
      this.sessionChanged();
    }
  }

  sessionChanged(): void {
    for (const shown of this.#sessions.splice(0)) {
      this.shown = shown;
      try {
        this.#socket.emit('session', shown.bytes);
      } catch (error) {
        // As in a callback of Node: what was received with the ticket must not be lost.
        reportUncaught(error);
      } finally {
        this.shown = undefined;
      }
    }
  }
}
