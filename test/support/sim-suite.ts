/** The contract suite on a simulated network that runs on real time, as the suite's own waits do. */

import { SimNetwork, type SimNetworkOptions } from 'overlapped/sim';
import { contractSuite, TOPICS, type Topic } from '../contract/suite.js';
import { simPeers } from './sim-peers.js';

/** Capabilities that a network in memory cannot have, and those that it has on every system. */
export const SIM_CAPABILITIES = {
  unixConnectWaits: true,
  ipv6: true,
  unixSockets: true,
  reusePort: true,
  userTimeout: true,
  keepAliveDelayRead: true,
  receiveLowWater: true,
  resetRemembered: true,
  resetRememberedBehindEnd: true,
  resetBeforeReceive: true,
  sendProgress: true,
  blocking: true,
  systemOptions: true,
  systemBacklog: true,
  replacedPaths: true,
  peerNameAfterReset: true,
  immediateSends: true,
  threads: 'a simulated network lives in one thread of one process',
  descriptorLimit: 'what a process may have does not limit it; test/drivers/sim/network.test.ts has its own limit',
  urgentData: 'its streams have bytes and an end, and no urgent data',
} as const;

export function simSuite(title: string, simulated: SimNetworkOptions, topics: readonly Topic[] = TOPICS): void {
  const network = new SimNetwork({ clock: 'real', ...simulated });
  contractSuite(
    'sim',
    { ...SIM_CAPABILITIES, multishot: simulated.multishot ?? false },
    { driver: network },
    {
      title,
      topics,
      peers: simPeers(network),
      programOptions: JSON.stringify({ simulated: { clock: 'real', ...simulated } }),
    },
  );
}
