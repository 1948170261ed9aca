/**
 * An http server attaches functions to each socket for the handle that a socket of Node has (lib/_http_server.js). A socket
 * of ours has no handle, so nothing calls them, and they would take 400 bytes of each connection.
 */

import type { NetSocket } from '../socket/state.js';

interface Parser {
  readonly constructor: { readonly kOnTimeout?: unknown };
  [index: number]: unknown;
}

type WithHttp = Partial<Record<'on' | 'addListener' | 'prependListener', unknown>> & {
  readonly parser?: Parser | null;
};

const METHODS = ['on', 'addListener', 'prependListener'] as const;

/** The functions that wrap a method until the parser lets go of the handle. */
const WRAPPER = 'socketListenerWrap';

/** Removes these functions from a socket that was just given to a server. */
export function dropHandleParts(socket: NetSocket): void {
  const { parser } = socket as unknown as WithHttp;
  if (!parser) {
    return;
  }
  const { kOnTimeout } = parser.constructor;
  // Called by the native parser, for bytes that it reads from the handle itself.
  if (typeof kOnTimeout === 'number' && typeof parser[kOnTimeout] === 'function') {
    parser[kOnTimeout] = null;
  }
  const owner = socket as unknown as Record<(typeof METHODS)[number], unknown>;
  const { prototype } = socket.constructor as unknown as { readonly prototype: typeof owner };
  for (const name of METHODS) {
    const method = owner[name];
    if (typeof method === 'function' && method.name === WRAPPER) {
      owner[name] = prototype[name];
    }
  }
}
