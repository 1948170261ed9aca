/** The part of TLS that all clients share: how a session begins, and how the server's certificate is judged. */

import type { SecureContext } from '../../tls/context.js';
import { verifyCodeOf, verifyError } from '../../tls/errors.js';
import { type HandshakeHooks, type ProtocolList, tlsLibrary } from '../../tls/library.js';
import { TlsSession } from '../../tls/session.js';
import { resume } from '../../tls/session-info.js';
import { errorOf } from '../connection-core/handler-table.js';
import type { Judgement, NewSession, SecureGroup } from './secure-group.js';

const SSL_VERIFY_NONE = 0;

export abstract class ClientSide implements SecureGroup {
  readonly side = 'client';
  abstract readonly actsAsNodes: boolean;
  abstract readonly handshakeTicks: number;
  /** The name to ask for. */
  abstract readonly servername: string | undefined;
  /** The session to resume. */
  protected abstract readonly session: Uint8Array | undefined;
  protected abstract readonly context: SecureContext;
  protected abstract readonly protocols: ProtocolList | undefined;
  /** Whether a server that cannot be verified is refused. */
  protected abstract readonly rejects: boolean;

  /** Prepares a session that is about to begin. @returns the receiver of its key log */
  protected abstract prepared(session: TlsSession): HandshakeHooks['keylog'];

  /** Why the certificate is not that of the host. */
  protected abstract identityError(session: TlsSession): Error | undefined;

  /** The value of `authorizationError` for an error. */
  protected abstract authorizationErrorOf(error: Error): string;

  begin(_hello: undefined, done: (begun: NewSession | Error) => void): void {
    let begun: NewSession | Error;
    let session: TlsSession | undefined;
    try {
      session = new TlsSession(tlsLibrary(), this.context, 'client');
      // As in node:tls: OpenSSL goes on to find all that is wrong, and the result is read before anything more is sent.
      session.verify(SSL_VERIFY_NONE, 'go on');
      if (this.servername !== undefined) {
        session.askFor(this.servername);
      }
      if (this.protocols !== undefined) {
        session.offer(this.protocols);
      }
      if (this.session !== undefined) {
        resume(session, this.session);
      }
      begun = { session, hooks: { protocols: undefined, keylog: this.prepared(session) } };
    } catch (error) {
      session?.free();
      begun = errorOf(error);
    }
    done(begun);
  }

  refuses(session: TlsSession): Error | undefined {
    return this.rejects ? verificationError(session) : undefined;
  }

  judge(session: TlsSession): Judgement {
    const error = verificationError(session) ?? this.identityError(session);
    return {
      authorized: error === undefined,
      authorizationError: error === undefined ? undefined : this.authorizationErrorOf(error),
      refusal: this.rejects ? error : undefined,
    };
  }
}

function verificationError(session: TlsSession): Error | undefined {
  const result = session.verifyResult;
  return verifyCodeOf(result) === undefined ? undefined : verifyError(session.library.openssl, result);
}
