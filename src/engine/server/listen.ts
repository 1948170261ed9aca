/** `listen`: a server from options. */

import type { Buffer } from 'node:buffer';
import { ANY_IPV6, type SocketAddress } from '../../base/address.js';
import { process } from '../../base/runtime.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { BACKLOG } from '../../port/socket.js';
import type { TlsListenOptions } from '../../tls/options.js';
import type { Connection } from '../connection.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { Topics, topicLimitsOf } from '../connection-core/topics.js';
import { type Endpoint, firstToListenAt, resolverOf } from '../endpoint.js';
import { type Handlers, handlersOf } from '../handlers.js';
import type { ListenLimits } from '../limits.js';
import { type MessageOptions, MessageRules } from '../messages/messages.js';
import { checkConnectionOptions, LISTEN_RULES } from '../option-tables.js';
import { limitsOf } from '../options.js';
import { unlessClosed } from '../pending.js';
import type { GivenContext } from '../secure/server-tls.js';
import { type EngineChoice, requireEngineOpen, useEngine } from '../shared-engines.js';
import { throwIfAborted, unlessAborted } from '../signals.js';
import { type ListenerOptions, openListener } from './listener.js';
import { Server } from './server.js';
import { ServerCore, type SocketCount } from './server-core.js';

/** Options of `listen`. */
export interface ListenOptions<Context = unknown, Message = Buffer, Sent = unknown>
  extends ListenerOptions,
    EngineChoice,
    MessageOptions<Message, Sent>,
    Handlers<Context, Message, Sent> {
  /**
   * TLS: the options of `tls.createServer`, by Node's names. `key` and `cert` are what a server needs. Handlers see a
   * connection once its handshake is done.
   */
  readonly tls?: TlsListenOptions;
  /** The limits of the server and of each of its connections. */
  readonly limits?: ListenLimits;
  /**
   * The value of `connection.context` before the handlers are called first, or a function that makes one for each connection.
   * If the function throws, its connection is closed and the error goes to the engine's `onHandlerError`.
   */
  readonly context?: Context | ((connection: Connection) => Context);
  /**
   * Closes the server when it aborts, as `server.close()` does. While `listen` looks a name up, it rejects with the reason
   * of the signal.
   */
  readonly signal?: AbortSignal;
  /**
   * Called with the error that keeps the server from accepting; then the server closes, as by `close`.
   * @default a process warning, `OverlappedListenWarning`
   */
  readonly onListenError?: (error: Error) => void;
}

/** By default the first byte of a client must arrive within this time, in ms. */
const FIRST_BYTE_MS = 60_000;

const ACCEPTS_PER_ROUND_MAX = 128;

/** Descriptors that the default connectionsMax leaves for other uses. */
const DESCRIPTORS_SPARED = 64;

/** The default `onListenError`: that a server accepts no more connections must not go unnoticed. */
export function warnOfListenError(error: Error): void {
  process.emitWarning(error, 'OverlappedListenWarning');
}

/**
 * Starts a server. Its handlers are shared by all of its connections. All errors are rejections of the promise.
 * @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`; `EBADF` when its engine is closed, `ECANCELED` when that is
 * closed meanwhile; what looking the host up fails with. For wrong options TypeError `ERR_INVALID_ARG_TYPE`,
 * `ERR_INVALID_ARG_VALUE`, RangeError `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`
 * @example
 * const server = await listen({ port: 4567, data: (connection, chunk) => connection.write(chunk) });
 */
export async function listen<Context = unknown>(options: ListenOptions<Context>): Promise<Server<Context>> {
  return new Server<Context>(await openServer(options));
}

/** The part of a server on many threads that one thread has. */
export interface ServerPlace {
  /** The object whose handlers are called, if it is not that of the options. */
  readonly handlers?: object;
  readonly socketCount?: SocketCount;
  /** The address that another thread listens on and accepts at for this one. */
  readonly acceptedAt?: SocketAddress;
  /** Contexts of TLS that the server was given before this thread started. */
  readonly contexts?: readonly GivenContext[];
}

/** @internal */
export async function openServer<Context>(
  options: ListenOptions<Context>,
  { handlers: own, socketCount, acceptedAt, contexts = [] }: ServerPlace = {},
): Promise<ServerCore> {
  checkConnectionOptions(options, LISTEN_RULES);
  const given = options.limits ?? {};
  const limits = limitsOf(options, FIRST_BYTE_MS);
  const onListenError = options.onListenError ?? warnOfListenError;
  const handlers = handlersOf(own ?? options);
  const messages = MessageRules.of(options);
  const backlog = options.backlog ?? BACKLOG;
  const connectionsPerAddressMax = given.connectionsPerAddressMax ?? Infinity;
  const acceptsPerRoundMax = given.acceptsPerRoundMax ?? ACCEPTS_PER_ROUND_MAX;
  const topics = new Topics<ConnectionRecord>(topicLimitsOf(given));
  const { signal } = options;
  throwIfAborted(signal);
  const found = acceptedAt ?? placeOf(options);
  // No await where no name is looked up: a relative path is resolved in the working directory of the call, as in node:net.
  const place = found instanceof Promise ? await unlessAborted(signal, found) : found;
  const use = useEngine(options, 'listen');
  const { engine } = use;
  let listener: OverlappedSocket | undefined;
  try {
    const connectionsMax = given.connectionsMax ?? Math.max(1, engine.port.socketsMax - DESCRIPTORS_SPARED);
    if (acceptedAt === undefined) {
      listener = openListener(engine, place, options, backlog);
    }
    return new ServerCore({
      engine,
      listener,
      address: listener?.localAddress() ?? place,
      socketCount,
      handlers,
      limits,
      messages,
      topics,
      tls: options.tls ?? undefined,
      contexts,
      connectionContext: options.context,
      signal,
      serverLimits: { connectionsMax, connectionsPerAddressMax, acceptsPerRoundMax },
      onListenError,
      onClosed: use.release,
    });
  } catch (error) {
    if (listener !== undefined) {
      engine.port.closeSocket(listener);
    }
    use.release();
    throw error;
  }
}

/** The address to listen on. The engine of the program may be closed while a name is looked up. */
function placeOf(options: Endpoint & EngineChoice): SocketAddress | Promise<SocketAddress> {
  const resolver = resolverOf(options, ANY_IPV6);
  const own = options.engine ?? undefined;
  if (own !== undefined) {
    requireEngineOpen(own, 'listen');
  }
  const found = resolver();
  return found instanceof Promise
    ? unlessClosed(own?.core, 'listen', found).then(firstToListenAt)
    : firstToListenAt(found);
}
