/** `listen`: a server from options. */

import type { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import { process } from '../../base/runtime.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { BACKLOG } from '../../port/socket.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { checkTopicLimits, Topics } from '../connection-core/topics.js';
import { type Endpoint, firstToListenAt, namesHost, resolverOf } from '../endpoint.js';
import type { Engine } from '../engine.js';
import { checkHandlers, type Handlers } from '../handlers.js';
import type { ListenLimits } from '../limits.js';
import { type MessageOptions, MessageRules } from '../messages/messages.js';
import { setSocketOptions } from '../open-connection.js';
import { type ConnectionOptions, checkConnectionOptions, checkIsObject, checkNumber, functionOr } from '../options.js';
import { unlessClosed } from '../pending.js';
import { checkEngine, type EngineChoice, useEngine } from '../shared-engines.js';
import { Server } from './server.js';
import { ServerCore, type SocketCount } from './server-core.js';

export interface ListenOptions<Context = unknown, Message = Buffer>
  extends ConnectionOptions,
    Endpoint,
    EngineChoice,
    MessageOptions<Message>,
    Handlers<Context, Message> {
  /** IPv6 only, without IPv4 connections; off unless told. */
  readonly ipv6Only?: boolean;
  /** Lets several servers listen at one address, the system spreading connections over them. Linux only. */
  readonly reusePort?: boolean;
  /** Connections that may wait to be accepted; 4,096 unless told. The system allows so many at the most: Infinity is that. */
  readonly backlog?: number;
  /** What the server and each of its connections may use. */
  readonly limits?: ListenLimits;
  /** Told what keeps the server from accepting: it closes then, as by `close`. A process warning unless given. */
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
 * Starts a server. Its handlers are shared by all of its connections.
 * @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`; `ECANCELED` when
 * its engine is closed meanwhile; what looking the host up fails with
 * @example
 * const server = await listen({ port: 4567, data: (connection, chunk) => connection.write(chunk) });
 */
export async function listen<Context = unknown>(options: ListenOptions<Context>): Promise<Server<Context>> {
  return new Server<Context>(await openServer(options));
}

/** What a server is that is one of several threads'. */
export interface ServerPlace {
  readonly socketCount?: SocketCount;
  /** Where another thread listens and accepts for it: then it has no listener of its own. */
  readonly acceptedAt?: SocketAddress;
}

/** @internal */
export async function openServer<Context>(
  options: ListenOptions<Context>,
  { socketCount, acceptedAt }: ServerPlace = {},
): Promise<ServerCore> {
  checkIsObject(options);
  const given = options.limits ?? {};
  const limits = checkConnectionOptions(options, FIRST_BYTE_MS);
  const onListenError = functionOr('onListenError', options.onListenError, warnOfListenError);
  const handlers = checkHandlers(options);
  const messages = MessageRules.of(options);
  const count = (name: 'connectionsPerAddressMax' | 'acceptsPerRoundMax', unlessTold: number): number =>
    checkNumber(`limits.${name}`, given[name], { unlessTold, least: 1, most: Infinity });
  const backlog = checkNumber('backlog', options.backlog, { unlessTold: BACKLOG, least: 1, most: Infinity });
  const connectionsPerAddressMax = count('connectionsPerAddressMax', Infinity);
  const acceptsPerRoundMax = count('acceptsPerRoundMax', ACCEPTS_PER_ROUND_MAX);
  const topics = new Topics<ConnectionRecord>(checkTopicLimits(given));
  checkNumber('limits.connectionsMax', given.connectionsMax, { unlessTold: 1, least: 1, most: Infinity });
  const found = acceptedAt ?? placeOf(options);
  // Without a name to look up the path is that of this moment's working directory, as with node:net.
  const place = found instanceof Promise ? await found : found;
  const use = useEngine(options.engine, options.driver);
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
      connectionContext: undefined,
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
function placeOf(options: ListenOptions<never>): SocketAddress | Promise<SocketAddress> {
  const resolver = resolverOf(options, ANY_IPV6);
  const own = options.engine ?? undefined;
  if (own !== undefined) {
    checkEngine(own);
  }
  const found = resolver();
  return found instanceof Promise ? unlessClosed(own, 'listen', found).then(firstToListenAt) : firstToListenAt(found);
}

/** @internal */
export function openListener(
  engine: Engine,
  address: SocketAddress,
  options: ListenOptions<never>,
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
  engine: Engine,
  address: SocketAddress,
  options: ListenOptions<never>,
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
