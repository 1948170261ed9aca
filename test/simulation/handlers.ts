/** The handlers of all connections of a scenario: they watch, and pass everything on to the role of each. */

import type { Connection, Handlers } from 'overlapped';
import type { EngineSide } from './side.js';

/** The reaction of a server's connections to its close, if it has a handler for that. */
export const SHUTDOWN_HANDLER: Handlers<EngineSide> = {
  serverClosing({ context: side }) {
    side.askedToEnd();
    if (side.world.chance.rate(0.7)) {
      side.connection.end();
    } else {
      side.destroy();
    }
  },
};

/** Handlers that watch, and pass everything on to the role that each connection has. */
export function watchedHandlers(
  sideOf: (connection: Connection<EngineSide>) => EngineSide,
  framed: boolean,
): Handlers<EngineSide> {
  const data = ({ context: side }: Connection<EngineSide>, chunk: Buffer): unknown => {
    side.received(chunk);
    const returned = side.role.data?.(side, chunk);
    return returned instanceof Promise ? returned : side.work(chunk);
  };
  return {
    ...(framed ? { message: data as NonNullable<Handlers<EngineSide>['message']> } : { data }),
    open(connection) {
      const side = sideOf(connection);
      connection.context = side;
      return side.role.open?.(side);
    },
    drain({ context: side }) {
      side.drained();
      return side.role.drain?.(side);
    },
    end({ context: side }) {
      side.peerEnded();
      return side.role.end?.(side);
    },
    error({ context: side }, error) {
      side.failed(error);
      return side.role.error?.(side);
    },
    close({ context: side }, reason) {
      side.closed(reason);
      return side.role.close?.(side);
    },
  };
}
