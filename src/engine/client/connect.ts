/** `connect`: a connection to the first address that answers. */

import type { Buffer } from 'node:buffer';
import type { Connection } from '../connection.js';
import { type Endpoint, resolverOf } from '../endpoint.js';
import { checkHandlers, type Handlers } from '../handlers.js';
import type { ConnectTimeouts } from '../limits.js';
import { type MessageOptions, MessageRules } from '../messages/messages.js';
import { type ConnectionOptions, checkConnectionOptions, checkIsObject, checkNumber, checkTime } from '../options.js';
import { type EngineChoice, useEngine } from '../shared-engines.js';
import { checkSignal } from '../signals.js';
import { ClientContext } from './client-context.js';
import { ConnectRace } from './happy-eyeballs.js';

export interface ConnectOptions<Context = unknown, Message = Buffer>
  extends ConnectionOptions,
    Endpoint,
    EngineChoice,
    MessageOptions<Message>,
    Handlers<Context, Message> {
  /** What `connection.context` is from the beginning. */
  readonly context?: Context;
  /** Times after which `connect` rejects, or its connection is closed. */
  readonly timeouts?: ConnectTimeouts;
  /** Time until the next address is tried besides the one that has not answered yet (RFC 8305), 10 to 2,000 ms; 250 unless told. */
  readonly attemptDelayMs?: number;
  /** Gives up when it is aborted, at any moment from the call on. Once connected, it has no effect. */
  readonly signal?: AbortSignal;
}

const CONNECT_MS = 30_000;
const ATTEMPT_DELAY = { unlessTold: 250, least: 10, most: 2000 } as const;

/**
 * Connects. Of several addresses the first that answers is taken, those of IPv6 and IPv4 in turn (RFC 8305).
 * @throws OperationError of the last address that failed, with `errors` of all where there were several; `ETIMEDOUT`, `ERR_OUT_OF_RANGE`,
 * `ERR_SOCKET_BAD_PORT`; `ECANCELED` when the engine is closed meanwhile; what looking the host up fails with; the signal's reason
 * @example
 * const connection = await connect({ host: 'localhost', port: 4567, data: (_, chunk) => console.log(String(chunk)) });
 */
export async function connect<Context = unknown, Message = Buffer>(
  options: ConnectOptions<Context, Message>,
): Promise<Connection<Context>> {
  checkIsObject(options);
  const limits = checkConnectionOptions(options, 0);
  const handlers = checkHandlers(options);
  const timeoutMs = checkTime('timeouts.connectMs', options.timeouts?.connectMs, CONNECT_MS);
  const attemptDelayMs = checkNumber('attemptDelayMs', options.attemptDelayMs, ATTEMPT_DELAY);
  const messages = MessageRules.of(options);
  const resolver = resolverOf(options, 'localhost');
  checkSignal(options.signal);
  const use = useEngine(options.engine, options.driver);
  try {
    const { engine } = use;
    const client = new ClientContext({
      engine,
      handlers,
      limits,
      messages,
      onClosed: use.release,
    });
    const race = new ConnectRace({ client, options, timeoutMs, attemptDelayMs });
    return (await race.run(resolver)) as Connection<Context>;
  } catch (error) {
    use.release();
    throw error;
  }
}
