/** What `connect` sets up for its one connection. */

import { callersContext } from '../../port/async-context.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import type { ConnectionCounters } from '../counters.js';
import type { EngineCore } from '../engine-core.js';
import type { Handlers } from '../handlers.js';
import type { MessageRules } from '../messages/messages.js';
import type { CheckedLimits } from '../options.js';

export interface ClientContextParts {
  readonly engine: EngineCore;
  readonly handlers: Handlers;
  readonly limits: CheckedLimits;
  readonly messages: MessageRules | undefined;
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
  readonly #onClosed: () => void;

  constructor(parts: ClientContextParts) {
    this.engine = parts.engine;
    this.handlers = parts.handlers;
    this.limits = parts.limits;
    this.messages = parts.messages;
    this.#onClosed = parts.onClosed;
  }

  /** The clients of an engine are counted together. */
  get counters(): ConnectionCounters {
    return this.engine.clientCounters;
  }

  connectionOpened(_connection: ConnectionRecord): void {}

  connectionClosed(_connection: ConnectionRecord): void {
    this.#onClosed();
  }
}
