/** Opens the listening socket of a server. */

import { ANY_IPV4, type SocketAddress } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { type Endpoint, namesHost } from '../endpoint.js';
import type { EngineCore } from '../engine-core.js';
import { setSocketOptions } from '../open-connection.js';
import type { ConnectionOptions } from '../options.js';

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

/** Opens a socket that listens. @throws OperationError of the operation `listen`, whichever of its system calls has failed */
export function openListener(
  engine: EngineCore,
  address: SocketAddress,
  options: ListenerOptions,
  backlog: number,
): OverlappedSocket {
  try {
    return bindAnywhere(engine, address, options, backlog);
  } catch (error) {
    throw error instanceof OperationError ? error.as('listen', address) : error;
  }
}

function bindAnywhere(
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
