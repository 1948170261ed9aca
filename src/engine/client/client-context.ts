/** The context of the one connection of a `connect`. */

import { callersContext } from '../../port/async-context.js';
import type { TlsConnectOptions } from '../../tls/options.js';
import { destroy } from '../connection-core/linger.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import type { ConnectionCounters } from '../counters.js';
import type { EngineCore } from '../engine-core.js';
import type { Handlers } from '../handlers.js';
import type { MessageRules } from '../messages/messages.js';
import type { CheckedLimits } from '../options.js';
import { ClientTls } from '../secure/client-tls.js';
import { onAbort } from '../signals.js';

export interface ClientContextParts {
  readonly engine: EngineCore;
  readonly handlers: Handlers;
  readonly limits: CheckedLimits;
  readonly messages: MessageRules | undefined;
  /** Its option `tls`. */
  readonly tls: TlsConnectOptions | undefined;
  /** The host that the program has named. */
  readonly host: string | undefined;
  /** Ends the race, or closes the connection, when it aborts. */
  readonly signal: AbortSignal | null | undefined;
  /** The value of `connection.context`, or a function that makes it. */
  readonly connectionContext: unknown;
  /** Called when the connection is closed. */
  readonly onClosed: () => void;
}

export class ClientContext implements ConnectionContext {
  readonly engine: EngineCore;
  readonly handlers: Handlers;
  readonly limits: CheckedLimits;
  readonly messages: MessageRules | undefined;
  readonly topics = undefined;
  readonly context = callersContext();
  readonly secure: ClientTls | undefined;
  readonly signal: AbortSignal | null | undefined;
  readonly connectionContext: unknown;
  readonly #onClosed: () => void;
  #stopListening: () => void = () => undefined;

  constructor(parts: ClientContextParts) {
    this.engine = parts.engine;
    this.handlers = parts.handlers;
    this.limits = parts.limits;
    this.messages = parts.messages;
    this.signal = parts.signal;
    if (parts.tls !== undefined) {
      this.secure = new ClientTls(parts.tls, parts.host, this.context);
      parts.engine.port.requireAddresses('tls');
    }
    this.connectionContext = parts.connectionContext;
    this.#onClosed = parts.onClosed;
  }

  /** The clients of an engine are counted together. */
  get counters(): ConnectionCounters {
    return this.engine.clientCounters;
  }

  handshakeBegins(connection: ConnectionRecord): void {
    this.#watchSignal(connection);
  }

  connectionOpened(connection: ConnectionRecord): void {
    if (this.secure === undefined) {
      this.#watchSignal(connection);
    }
  }

  #watchSignal(connection: ConnectionRecord): void {
    this.#stopListening = onAbort(this.signal, (reason) => destroy(connection, reason));
  }

  connectionClosed(_connection: ConnectionRecord): void {
    this.#stopListening();
    this.#onClosed();
  }
}
