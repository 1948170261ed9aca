/** A server that is no engine's: its connections keep no manners. */

import type { SimListener } from 'overlapped/sim';
import type { Target } from './clients.js';
import { Link } from './flow.js';
import { chooseManners, RawPeer } from './raw-peer.js';
import type { World } from './world.js';

const HOST = '127.0.0.1';

/** @param isForeign its clients speak TLS, which it does not */
export function listenRaw(world: World, bytesMax: number, isForeign = false): SimListener {
  const listener = world.network.listen({ family: 'ipv4', address: HOST, port: 0 });
  let names = 0;
  listener.onChange = () => {
    for (let endpoint = listener.accept(); endpoint !== undefined; endpoint = listener.accept()) {
      const { remoteAddress } = endpoint;
      const port = remoteAddress === undefined || remoteAddress.family === 'unix' ? 0 : remoteAddress.port;
      const link = isForeign ? new Link(port, true) : world.rawLinkOf(port);
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

/** Where clients reach a listener. @param tls whether they speak TLS there */
export function targetAt({ localAddress }: SimListener, isRaw: boolean, tls: boolean): Target {
  return { host: HOST, port: localAddress.family === 'unix' ? 0 : localAddress.port, isRaw, tls };
}
