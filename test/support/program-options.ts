/** Options of a port, and peers for it, as the program of a test gets them: in JSON, on its command line. */

import type { CompletionPortOptions } from 'overlapped/port';
import { SimNetwork, type SimNetworkOptions } from 'overlapped/sim';
import { nodePeers, type Peers } from './peers.js';
import { simPeers } from './sim-peers.js';

export interface ProgramOptions {
  readonly options: CompletionPortOptions;
  readonly peers: Peers;
}

/** @param text options of a port; with `simulated`, of a simulated network that it is on */
export function parseProgramOptions(text: string): ProgramOptions {
  const { simulated, ...options } = JSON.parse(text) as CompletionPortOptions & { simulated?: SimNetworkOptions };
  if (simulated === undefined) {
    return { options, peers: nodePeers };
  }
  const network = new SimNetwork(simulated);
  return { options: { ...options, driver: network }, peers: simPeers(network) };
}
