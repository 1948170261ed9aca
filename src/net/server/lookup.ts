/** The lookup of the host that a server is to listen at. */

import dns from 'node:dns';
import nodeNet from 'node:net';
import { IS_NODE_22 } from '../node-net.js';

/** Called with the address, of the family 4 or 6, or with the error of the lookup. */
type Found = (error: Error | null, address: string, family: number) => void;

interface Address {
  readonly address: string;
  readonly family: number;
}

/** fe80::/10: such an address is valid on one link only, and needs its name to be listened at. */
function isLinkLocal(address: string): boolean {
  return nodeNet.isIPv6(address) && /^fe[89ab][0-9a-f]:/i.test(address);
}

/** Looks a host up, and takes the first of its addresses that is valid everywhere; before Node 22, simply the first. */
export function lookUpHost(host: string, found: Found): void {
  if (!IS_NODE_22) {
    dns.lookup(host, found);
    return;
  }
  dns.lookup(host, { all: true }, (error, addresses) => {
    const list = (addresses ?? []) as readonly Address[];
    const taken = list.find(({ address }) => !isLinkLocal(address)) ?? list[0];
    found(error, taken?.address ?? '', taken?.family ?? 4);
  });
}
