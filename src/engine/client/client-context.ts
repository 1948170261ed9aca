/** What the connections of one `connect` share: there is one at most. */

import { callersContext } from '../../port/async-context.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import type { ConnectionCounters } from '../counters.js';
import type { Engine } from '../engine.js';
import type { Handlers } from '../handlers.js';
import type { MessageRules } from '../messages/messages.js';
import type { CheckedLimits } from '../options.js';

export class ClientContext implements ConnectionContext {
  readonly engine: Engine;
  readonly handlers: Handlers;
  readonly limits: CheckedLimits;
  readonly messages: MessageRules | undefined;
  readonly topics = undefined;
  readonly context = callersContext();
  readonly #onClosed: () => void;

  constructor(
    engine: Engine,
    handlers: Handlers,
    limits: CheckedLimits,
    messages: MessageRules | undefined,
    onClosed: () => void,
  ) {
    this.engine = engine;
    this.handlers = handlers;
    this.limits = limits;
    this.messages = messages;
    this.#onClosed = onClosed;
  }

  /** All of an engine's clients count together. */
  get counters(): ConnectionCounters {
    return this.engine.clientCounters;
  }

  connectionClosed(_connection: ConnectionRecord): void {
    this.#onClosed();
  }
}
