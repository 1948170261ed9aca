/** A server that is no engine's: its connections keep no manners. */

import type { SimListener } from 'overlapped/sim';
import type { Target } from './clients.js';
import { chooseManners, RawPeer } from './raw-peer.js';
import type { World } from './world.js';

const HOST = '127.0.0.1';

export function listenRaw(world: World, bytesMax: number): SimListener {
  const listener = world.network.listen({ family: 'ipv4', address: HOST, port: 0 });
  let names = 0;
  listener.onChange = () => {
    for (let endpoint = listener.accept(); endpoint !== undefined; endpoint = listener.accept()) {
      const { remoteAddress } = endpoint;
      const link = world.linkOf(
        remoteAddress === undefined || remoteAddress.family === 'unix' ? 0 : remoteAddress.port,
      );
      const name = `raw server's peer ${++names}`;
      const flows = { incoming: link.up, outgoing: link.down };
      const peer = new RawPeer(world, name, endpoint, flows, chooseManners(world.chance, bytesMax));
      if (world.windingDown) {
        peer.windDown();
      }
    }
  };
  return listener;
}

/** Where clients reach it. */
export function rawTargetOf({ localAddress }: SimListener): Target {
  return { host: HOST, port: localAddress.family === 'unix' ? 0 : localAddress.port };
}
