/** Node's own `net`, also if a preload has replaced the functions of that module. */

import currentNet from 'node:net';

/** Where `overlapped/register`, of this copy of the package or of another one, keeps what it has replaced. */
export const MOVED = Symbol.for('overlapped.register');

/** The functions of Node that `overlapped/register` replaces. */
export type OwnNet = Pick<typeof currentNet, 'Server' | 'Socket' | 'connect' | 'createServer'>;

const movedBefore = (currentNet as unknown as { readonly [MOVED]?: OwnNet })[MOVED];

/** Node's own functions, also if they were replaced before this module was loaded. */
export const ownNet: OwnNet = movedBefore ?? {
  Server: currentNet.Server,
  Socket: currentNet.Socket,
  connect: currentNet.connect,
  createServer: currentNet.createServer,
};
