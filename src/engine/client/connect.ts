/** `connect`: a connection to the first address that answers. */

import type { Buffer } from 'node:buffer';
import type { TlsConnectOptions } from '../../tls/options.js';
import type { Connection } from '../connection.js';
import { type Endpoint, resolverOf } from '../endpoint.js';
import { type Handlers, handlersOf } from '../handlers.js';
import type { ConnectTimeouts } from '../limits.js';
import { type MessageOptions, MessageRules } from '../messages/messages.js';
import { CONNECT_RULES, checkConnectionOptions } from '../option-tables.js';
import { type ConnectionOptions, limitsOf } from '../options.js';
import { type EngineChoice, useEngine } from '../shared-engines.js';
import { throwIfAborted } from '../signals.js';
import { ClientContext } from './client-context.js';
import { ConnectRace } from './happy-eyeballs.js';

export interface ConnectOptions<Context = unknown, Message = Buffer, Sent = unknown>
  extends ConnectionOptions,
    Endpoint,
    EngineChoice,
    MessageOptions<Message, Sent>,
    Handlers<Context, Message, Sent> {
  /** The value of `connection.context` before the handlers are called first, or a function that makes it. */
  readonly context?: Context | ((connection: Connection) => Context);
  /**
   * TLS: the options of `tls.connect`, by Node's names; `true` for the defaults. The server's certificate is verified
   * against Node's root certificates, and must have the name of the host.
   */
  readonly tls?: TlsConnectOptions | true;
  /** Times after which `connect` rejects, or its connection is closed. */
  readonly timeouts?: ConnectTimeouts;
  /**
   * How long an address may take to answer before the next one is tried beside it (RFC 8305), in ms, 10 to 2,000.
   * @default 250
   */
  readonly attemptDelayMs?: number;
  /**
   * While connecting, `connect` rejects with the reason of the signal when it aborts. Once connected, the connection is
   * destroyed with that reason as its error.
   */
  readonly signal?: AbortSignal;
}

const CONNECT_MS = 30_000;
const ATTEMPT_DELAY_MS = 250;

/**
 * Connects. Of several addresses the first that answers is taken; IPv6 and IPv4 addresses are tried in turn (RFC 8305). All
 * errors are rejections of the promise.
 * @throws OperationError of the last address that failed, with `errors` of all if there were several; `ETIMEDOUT`; `EBADF` when
 * the engine is closed, `ECANCELED` when it is closed meanwhile; what looking the host up fails with; the signal's reason. For
 * wrong options TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, RangeError `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`
 * @example
 * const connection = await connect({ host: 'localhost', port: 4567, data: (_, chunk) => console.log(String(chunk)) });
 */
export async function connect<Context = unknown, Message = Buffer, Sent = unknown>(
  options: ConnectOptions<Context, Message, Sent>,
): Promise<Connection<Context, Sent>> {
  checkConnectionOptions(options, CONNECT_RULES);
  const limits = limitsOf(options, 0);
  const handlers = handlersOf(options);
  const timeoutMs = options.timeouts?.connectMs ?? CONNECT_MS;
  const attemptDelayMs = options.attemptDelayMs ?? ATTEMPT_DELAY_MS;
  const messages = MessageRules.of(options);
  const resolver = resolverOf(options, 'localhost');
  throwIfAborted(options.signal);
  const use = useEngine(options, 'connect');
  try {
    const { engine } = use;
    const client = new ClientContext({
      engine,
      handlers,
      limits,
      messages,
      tls: options.tls === true ? {} : (options.tls ?? undefined),
      host: options.host ?? undefined,
      signal: options.signal,
      connectionContext: options.context,
      onClosed: use.release,
    });
    const race = new ConnectRace({ client, options, timeoutMs, attemptDelayMs });
    return (await race.run(resolver)) as Connection<Context, Sent>;
  } catch (error) {
    use.release();
    throw error;
  }
}
