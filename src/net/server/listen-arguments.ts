/** The arguments of `listen`, in all their shapes. */

import cluster from 'node:cluster';
import { sep } from 'node:path';
import { checkedPort } from '../connecting/options.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import { isBoundSocket, normalizeArguments } from '../node-net.js';

/** Where a server is to listen. */
export type ListenTarget =
  | { readonly kind: 'port'; readonly port: number; readonly host: string | undefined }
  | { readonly kind: 'path'; readonly path: string; readonly readableAll: boolean; readonly writableAll: boolean }
  /** Node's own server must do it. */
  | { readonly kind: 'node' };

export interface ListenArguments {
  readonly target: ListenTarget;
  readonly backlog: number;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  readonly signal: AbortSignal | undefined;
}

/** How many connections may wait to be accepted, as in node:net. */
const BACKLOG = 511;

type Options = Readonly<Record<string, unknown>>;

function numberOr0(value: unknown): number {
  const number = Number(value);
  return Math.max(number, 0);
}

/** On Windows every path is the name of a pipe to Node, also one that can only fail. */
const PATHS_ARE_PIPES = sep === '\\';

/** Whether a path names a pipe of Windows. */
export function isWindowsPipe(path: unknown): boolean {
  return typeof path === 'string' && path !== '' && (PATHS_ARE_PIPES || /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(path));
}

/** A descriptor, a handle of Node, or a worker of `cluster`, whose primary process listens. */
function needsNode(options: Options): boolean {
  const handle = (options._handle ?? options.handle ?? undefined) as object | undefined;
  return (
    handle !== undefined ||
    isBoundSocket(options) ||
    (typeof options.fd === 'number' && options.fd >= 0) ||
    (cluster.isWorker && options.exclusive !== true) ||
    isWindowsPipe(options.path)
  );
}

function isPath(path: unknown): path is string {
  return typeof path === 'string' && path !== '' && !(Number(path) >= 0);
}

function checkedSignal(signal: unknown): AbortSignal | undefined {
  if (signal !== undefined && (typeof signal !== 'object' || signal === null || !('aborted' in signal))) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal);
  }
  return signal as AbortSignal | undefined;
}

/** Whether no port was named: the system chooses one. */
function isAnyPort(args: readonly unknown[], options: Options): boolean {
  const { port } = options;
  return (
    args.length === 0 || typeof args[0] === 'function' || (port === undefined && 'port' in options) || port === null
  );
}

function pathTarget(path: string, options: Options): ListenTarget {
  const readableAll = Boolean(options.readableAll);
  const writableAll = Boolean(options.writableAll);
  if (path.startsWith('\0') && (readableAll || writableAll)) {
    const reason = 'can not set readableAll or writableAllt to true when path is abstract unix socket';
    throw invalidArgValue('options', options, reason);
  }
  return {
    kind: 'path',
    path,
    readableAll: options.readableAll === true,
    writableAll: options.writableAll === true,
  };
}

function targetOf(args: readonly unknown[], options: Options): ListenTarget {
  if (needsNode(options)) {
    return { kind: 'node' };
  }
  const port = isAnyPort(args, options) ? 0 : options.port;
  if (typeof port === 'number' || typeof port === 'string') {
    const host = (options.host || undefined) as string | undefined;
    return { kind: 'port', port: checkedPort('options.port', 'options.port', port), host };
  }
  const { path } = options;
  if (isPath(path)) {
    return pathTarget(path, options);
  }
  const lacks = !('port' in options || 'path' in options);
  throw invalidArgValue('options', options, lacks ? 'must have the property "port" or "path"' : undefined);
}

/** The arguments without their callback. @throws TypeError, RangeError as node:net does */
export function listenArguments(args: readonly unknown[]): ListenArguments {
  const [options] = normalizeArguments(args);
  const fromArguments = numberOr0(args.length > 1 && args[1]) || numberOr0(args.length > 2 && args[2]);
  const backlog = (options.backlog as number | undefined) || fromArguments || BACKLOG;
  const signal = checkedSignal(options.signal);
  return {
    target: targetOf(args, options),
    backlog,
    ipv6Only: options.ipv6Only === true,
    reusePort: options.reusePort === true,
    signal,
  };
}
