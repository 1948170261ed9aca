/** Node's own `net`, captured when this module is loaded: a preload may replace the functions of that module later. */

import currentNet from 'node:net';
import { ownNet } from '../base/own-net.js';
import { process } from '../base/runtime.js';

export { MOVED, type OwnNet, ownNet } from '../base/own-net.js';

/** The constructors of Node, which can be called without `new`, on an object that inherits from their prototypes. */
export type CallableSocket = (this: object, options?: object) => void;
export type CallableServer = (this: object, options?: unknown, connectionListener?: unknown) => void;

export const NodeSocket = ownNet.Socket;
export const NodeServer = ownNet.Server;

/**
 * Whether this is Node 22 or later. Since then `net` refuses hosts that are no text, takes a `maxConnections` of 0 for a limit,
 * ends a socket that was never connected, and publishes each socket that connects on `net.client.socket`.
 */
export const IS_NODE_22 = Number.parseInt(process.versions.node, 10) >= 22;

/** Whether sockets have `setTypeOfService`. */
export const HAS_TYPE_OF_SERVICE = 'setTypeOfService' in NodeSocket.prototype;

/** Whether `setKeepAlive` also takes the time between probes and their count, and all of it as an object. */
export const HAS_KEEP_ALIVE_PROBES = NodeSocket.prototype.setKeepAlive.length > 2;

/** Whether a value is a `net.BoundSocket`, which has a handle of Node. */
export function isBoundSocket(value: unknown): boolean {
  const { BoundSocket } = currentNet as unknown as { readonly BoundSocket?: new () => object };
  return BoundSocket !== undefined && value instanceof BoundSocket;
}

/** The property in which Node keeps the timer of a socket. Tools look at it, and `TLSSocket` refreshes it. */
export const NODE_TIMER: symbol | undefined = Object.getOwnPropertySymbols(new NodeSocket()).find(
  ({ description }) => description === 'timeout',
);

/** Arguments of `connect` and `listen`, as one object of options and a callback. */
export type NormalizedArguments = [options: Record<string, unknown>, callback: ((...args: unknown[]) => void) | null];

/** Node marks normalized arguments with a symbol, so that `connect` passes them on without doing it twice. */
export const normalizeArguments = (
  currentNet as unknown as { readonly _normalizeArgs: (args: readonly unknown[]) => NormalizedArguments }
)._normalizeArgs;

const [normalizedMark] = Object.getOwnPropertySymbols(normalizeArguments([]));

/** Whether the first argument of a call is arguments that were normalized before. */
export function areNormalized(argument: unknown): argument is NormalizedArguments {
  return Array.isArray(argument) && normalizedMark !== undefined && Object.hasOwn(argument, normalizedMark);
}

const AUTO_SELECT_ATTEMPT_MS = 250;

/** How long one address may take while others are left, in ms. */
export function defaultAttemptTimeout(): number {
  return currentNet.getDefaultAutoSelectFamilyAttemptTimeout?.() ?? AUTO_SELECT_ATTEMPT_MS;
}
