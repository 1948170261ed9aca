/** The operations of tests on the system: the same names for each system, and one file for each. */

import { networkInterfaces } from 'node:os';
import type { OverlappedSocket, SystemDriverName } from 'overlapped/port';
import { linux } from './linux.js';
import type { KeepAlive } from './peers.js';
import { windows } from './windows.js';

/** `true`, or why it is not there: the reason that a skipped test prints. */
export type Availability = true | string;

/** Capabilities that a system may lack. The behaviour without one is tested too, wherever overlapped can influence it. */
export interface SystemCapabilities {
  /** IPv6 on the loopback interface. */
  readonly ipv6: Availability;
  /** A listener of IPv6 can leave IPv4 to others. */
  readonly ipv6Only: Availability;
  /** Sockets of the family `unix`. Without them creating one fails with EAFNOSUPPORT. */
  readonly unixSockets: Availability;
  /** Several listeners share the connections of one port. Without it binding them so fails with ENOTSUP. */
  readonly reusePort: Availability;
  /** The socket option `userTimeoutMs`. Without it setting it fails with ENOPROTOOPT. */
  readonly userTimeout: Availability;
  /** `keepAliveInitialDelayMs` can be read back. Setting it works everywhere. */
  readonly keepAliveDelayRead: Availability;
  /** The socket option `receiveLowWaterBytes`. Without it setting it fails with ENOPROTOOPT. */
  readonly receiveLowWater: Availability;
  /** A process can be given a limit of descriptors. */
  readonly descriptorLimit: Availability;
  /** A descriptor is the lowest free number, and select's sets are bitmaps of these. */
  readonly descriptorNumbers: Availability;
  /** One process can send another a signal. Without them a kill is all there is. */
  readonly signals: Availability;
  /** A shell as POSIX has it. */
  readonly shell: Availability;
  /** A reset that arrives while no receive is posted is reported by the next one. */
  readonly resetRemembered: Availability;
  /** The same for a socket that has ended its own side. */
  readonly resetRememberedBehindEnd: Availability;
  /** A connection that is reset before its first receive is posted fails with the reset. */
  readonly resetBeforeReceive: Availability;
  /** A port can be reached from other threads and other processes. */
  readonly threads: Availability;
  /** Urgent data (MSG_OOB). */
  readonly urgentData: Availability;
  /** A thread can block in a dequeue or in `run` until something comes. Without it both fail with ENOTSUP. */
  readonly blocking: Availability;
  /** The sizes of a socket's buffers and the system's other options can be set. Without it that fails with ENOPROTOOPT. */
  readonly systemOptions: Availability;
  /** Connections wait in the system until an accept is posted, so its backlog can be full. */
  readonly systemBacklog: Availability;
  /** A file that has replaced that of a Unix listener stays when the listener is closed. */
  readonly replacedPaths: Availability;
  /** The system knows the address of a peer that has reset. */
  readonly peerNameAfterReset: Availability;
  /** The system reports how much the peer has received of a send in progress. */
  readonly sendProgress: Availability;
  /** Bytes can be sent at once, as far as the system takes them, without an operation (`SocketCalls.sendNow`). */
  readonly immediateSends: Availability;
  /** A send in flight continues when the end of the peer arrives. */
  readonly sendsAfterEnd: Availability;
  /** When the event loop was late, what has arrived is received before time limits run out. */
  readonly arrivalsFirst: Availability;
}

export interface TestSystem {
  /** How many times as long as on Linux something may take. */
  readonly patience: number;
  /** Drivers that run on this system, the preferred one first. */
  readonly drivers: readonly SystemDriverName[];
  readonly capabilities: Omit<SystemCapabilities, 'ipv6' | 'ipv6Only'>;
  /** A driver of another system, and how its refusal names that system. */
  readonly foreignDriver: readonly [driver: SystemDriverName, home: RegExp];
  /** The bytes that the system allocates for each requested byte of a socket buffer. */
  readonly bufferFactor: number;
  /** The probes of a silent peer, as getsockopt returns them; absent if the system does not return them. */
  keepAliveOf?(this: void, socket: OverlappedSocket): KeepAlive;
  /** Descriptors or handles that this process has open. */
  descriptorsOpen(): number;
  /** Sends by the system's own call, past the port; urgent data is what Node has no call for. */
  sendByHand(socket: OverlappedSocket, data: string, how: 'usual' | 'urgent'): void;
}

export const system: TestSystem = process.platform === 'win32' ? windows : linux;

const hasLoopback = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
const ipv6 = hasLoopback || 'this machine has no IPv6 loopback address';

export const systemCapabilities: SystemCapabilities = {
  ...system.capabilities,
  ipv6,
  ipv6Only: ipv6,
};

/**
 * Why a test that has failed with this error cannot run here: it has used what the driver says that it lacks. False if it
 * is any other error.
 */
export function lackBehind(error: unknown, capabilities: SystemCapabilities): string | false {
  const { actual } = error as { readonly actual?: unknown };
  const { code, syscall = '' } = (actual instanceof Error ? actual : error) as NodeJS.ErrnoException;
  if (code === 'ENOTSUP' && (syscall === 'run' || syscall === 'dequeue')) {
    return lackOf('blocking', capabilities);
  }
  return code === 'ENOPROTOOPT' ? lackOf('systemOptions', capabilities) : false;
}

/** For a test's `skip`: the missing capability and the reason; false if it is present. */
export function lackOf(name: keyof SystemCapabilities, capabilities = systemCapabilities): string | false {
  const availability = capabilities[name];
  return availability === true ? false : `${name}: ${availability}`;
}
