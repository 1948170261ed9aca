/** Socket addresses, the same on every system. */

/** The kinds of addresses that a socket can have. */
export const SOCKET_FAMILIES: readonly SocketFamily[] = ['ipv4', 'ipv6', 'unix'];

/** IPv4, IPv6, or a Unix-domain socket. */
export type SocketFamily = 'ipv4' | 'ipv6' | 'unix';

/** The address that a socket is bound or connected to. The layers above the port resolve host names, because a lookup may block. */
export type SocketAddress =
  | {
      /** Says that this is an IP address, and of which version. */
      readonly family: 'ipv4' | 'ipv6';
      /** A numeric address; IPv6 may carry a zone, as in `fe80::1%eth0`. */
      readonly address: string;
      /** 0 to 65535; 0 lets the system choose. */
      readonly port: number;
    }
  | {
      /** Says that this is a Unix-domain socket. */
      readonly family: 'unix';
      /** A file path, or an abstract name after a NUL (Linux); empty for a socket without a name. */
      readonly path: string;
    };

/** All addresses of this machine. */
export const ANY_IPV4 = '0.0.0.0';
export const ANY_IPV6 = '::';

/** Control characters, of ASCII and of Latin-1. */
const CONTROLS = /\p{Cc}/gu;

/**
 * Formats an address for people: `127.0.0.1:4567`, `[::1]:4567`, or the path. A peer chooses the bytes of its path, so control
 * characters are escaped (`\x1b`): the path cannot control a terminal or start a new line in a log.
 */
export function formatAddress(address: SocketAddress): string {
  if (address.family === 'unix') {
    const { path } = address;
    const shown = path.startsWith('\0') ? `@${path.slice(1)}` : path;
    return shown.replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
  }
  return address.family === 'ipv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

function addressText(this: SocketAddress): string {
  return formatAddress(this);
}

/**
 * A copy of an address, which a template literal writes as `formatAddress` does. The function is not enumerable: the address
 * still compares, prints and travels to other threads as the plain object that it is.
 */
export function printable<Address extends SocketAddress>(address: Address): Address {
  return Object.defineProperty({ ...address }, 'toString', { value: addressText, configurable: true, writable: true });
}
