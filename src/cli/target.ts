/** Targets: where to listen or connect, as written on the command line. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { versionOf } from '../drivers/common/sockaddr.js';
import type { SocketAddress } from '../index.js';
import { Failure } from './failure.js';
import { numberIn } from './numbers.js';

/** A target before its host is looked up. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

const FORMS = 'expected HOST:PORT, [IPV6]:PORT, PORT or unix:PATH';

/** Reads `HOST:PORT`, `[IPV6]:PORT`, `tcp://HOST:PORT`, `:PORT`, `PORT` or `unix:PATH`. */
export function parseTarget(text: string): Target {
  if (text.startsWith('unix:')) {
    return { path: pathOf(text.slice('unix:'.length), text) };
  }
  const [, bracketed, plain, portText] =
    /^(?:tcp:\/\/)?(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?([^:[\]/]+)\/?$/.exec(text) ?? [];
  if (portText === undefined || !/^\d+$/.test(portText)) {
    const isAddress = isIP(text) === 6;
    throw new Failure(
      `bad target ${JSON.stringify(text)}: ${isAddress ? 'an IPv6 address needs brackets and a port' : FORMS}`,
    );
  }
  const port = numberIn('port', { least: 1, most: 65535 })(portText);
  return { host: (bracketed ?? plain) || '127.0.0.1', port };
}

/** A Unix socket's path in the form that the port takes. `@name` is an abstract name, which is in no directory (Linux). */
function pathOf(path: string, text: string): string {
  if (path === '' || path === '@' || path.includes('\0')) {
    throw new Failure(`bad path ${JSON.stringify(text)}: expected the path of a Unix socket, or @NAME`);
  }
  return path.startsWith('@') ? `\0${path.slice(1)}` : path;
}

/** Looks the host up if it is a name. @throws Failure if it has no address */
export async function resolveTarget(target: Target): Promise<SocketAddress> {
  if ('path' in target) {
    return { family: 'unix', path: target.path };
  }
  const { host, port } = target;
  const version = versionOf(host);
  if (version !== 0) {
    return { family: version === 4 ? 'ipv4' : 'ipv6', address: host, port };
  }
  try {
    const found = await lookup(host);
    return { family: found.family === 4 ? 'ipv4' : 'ipv6', address: found.address, port };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const reason = code === 'EAI_AGAIN' ? 'the name service does not answer' : 'the name has no address';
    throw new Failure(
      `cannot resolve the host ${JSON.stringify(host)}: ${reason} (${code}); check the name or give a numeric address`,
    );
  }
}

/** A resolved address as options of `listen` and `connect`. */
export function endpointOf(address: SocketAddress): { host: string; port: number } | { path: string } {
  return address.family === 'unix' ? { path: address.path } : { host: address.address, port: address.port };
}

/** The target that the options of `echo` name. */
export function listenTarget(options: {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}): Target {
  return options.path === undefined
    ? { host: options.host, port: options.port }
    : { path: pathOf(options.path, options.path) };
}
