/** `listen`: a server from options. */

import type { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import { process } from '../../base/runtime.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { BACKLOG } from '../../port/socket.js';
import type { Connection } from '../connection.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { Topics, topicLimitsOf } from '../connection-core/topics.js';
import { type Endpoint, firstToListenAt, namesHost, resolverOf } from '../endpoint.js';
import type { EngineCore } from '../engine-core.js';
import { type Handlers, handlersOf } from '../handlers.js';
import type { ListenLimits } from '../limits.js';
import { type MessageOptions, MessageRules } from '../messages/messages.js';
import { setSocketOptions } from '../open-connection.js';
import { checkConnectionOptions, LISTEN_RULES } from '../option-tables.js';
import { type ConnectionOptions, limitsOf } from '../options.js';
import { unlessClosed } from '../pending.js';
import { type EngineChoice, requireEngineOpen, useEngine } from '../shared-engines.js';
import { Server } from './server.js';
import { ServerCore, type SocketCount } from './server-core.js';

/** Options of the listening socket. */
export interface ListenerOptions extends ConnectionOptions, Endpoint {
  /**
   * Whether a server that listens at an IPv6 address refuses IPv4 connections.
   * @default false
   */
  readonly ipv6Only?: boolean;
  /**
   * Whether several servers may listen at one address; the system spreads connections over them. Linux only: elsewhere
   * `listen` rejects with `ENOTSUP`.
   * @default false
   */
  readonly reusePort?: boolean;
  /**
   * How many connections may wait to be accepted, a whole number from 1 to Infinity. The system has a limit of its own, which
   * Infinity asks for.
   * @default 4096
   */
  readonly backlog?: number;
}

/** Options of `listen`. */
export interface ListenOptions<Context = unknown, Message = Buffer>
  extends ListenerOptions,
    EngineChoice,
    MessageOptions<Message>,
    Handlers<Context, Message> {
  /** What the server and each of its connections may use. */
  readonly limits?: ListenLimits;
  /**
   * The value of `connection.context` before the handlers are called first, or a function that makes one for each connection.
   * If the function throws, its connection is closed and the error goes to the engine's `onHandlerError`.
   */
  readonly context?: Context | ((connection: Connection<Context>) => Context);
  /**
   * Called with the error that keeps the server from accepting; then the server closes, as by `close`.
   * @default a process warning, `OverlappedListenWarning`
   */
  readonly onListenError?: (error: Error) => void;
}

/** By default the first byte of a client must arrive within this time, in ms. */
const FIRST_BYTE_MS = 60_000;

const ACCEPTS_PER_ROUND_MAX = 128;

/** Descriptors that are left for other things than connections. */
const DESCRIPTORS_SPARED = 64;

/** A server that takes no more connections is not to go unnoticed. */
export function warnOfListenError(error: Error): void {
  process.emitWarning(error, 'OverlappedListenWarning');
}

/** Where servers listen unless told: all addresses, of IPv4 too. */
const ANY_IPV6 = '::';
const ANY_IPV4 = '0.0.0.0';

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

/** What a server is that is one of several threads'. */
export interface ServerPlace {
  /** The object whose handlers are called, if it is not that of the options. */
  readonly handlers?: object;
  readonly socketCount?: SocketCount;
  /** Where another thread listens and accepts for it: then it has no listener of its own. */
  readonly acceptedAt?: SocketAddress;
}

/** @internal */
export async function openServer<Context>(
  options: ListenOptions<Context>,
  { handlers: own, socketCount, acceptedAt }: ServerPlace = {},
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
  const found = acceptedAt ?? placeOf(options);
  // Without a name to look up the path is that of this moment's working directory, as with node:net.
  const place = found instanceof Promise ? await found : found;
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
      connectionContext: options.context,
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

/** Where a server is to listen. Its own engine may be closed while a name is looked up. */
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

/** @internal */
export function openListener(
  engine: EngineCore,
  address: SocketAddress,
  options: ListenerOptions,
  backlog: number,
): OverlappedSocket {
  const everywhere = !namesHost(options) && address.family === 'ipv6';
  try {
    return bindListener(engine, address, options, backlog);
  } catch (error) {
    const noIpv6 = error instanceof OperationError && ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(error.code);
    if (!everywhere || !noIpv6) {
      throw error;
    }
    return bindListener(engine, { ...address, family: 'ipv4', address: ANY_IPV4 }, options, backlog);
  }
}

function bindListener(
  engine: EngineCore,
  address: SocketAddress,
  options: ListenerOptions,
  backlog: number,
): OverlappedSocket {
  const dualStack = address.family === 'ipv6' && options.ipv6Only !== true;
  const socket = engine.port.createSocket(address.family, { dualStack });
  try {
    setSocketOptions(socket, options);
    socket.bind(address, { reusePort: options.reusePort ?? false });
    socket.listen(backlog);
    return socket;
  } catch (error) {
    engine.port.closeSocket(socket);
    throw error;
  }
}
