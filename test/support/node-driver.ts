/** Capabilities that the driver `node` lacks, each with the reason. */

import { hasReusePort } from '../../src/drivers/node/handles.js';
import { nodePeers, type Peers } from './peers.js';

const NO_CALL = 'Node has no call for it';

export const NODE_CAPABILITIES = {
  multishot: true,
  unixConnectWaits: false,
  blocking: 'nothing arrives at a socket of Node while the event loop stands still',
  systemOptions: NO_CALL,
  immediateSends: 'its sends go by the streams of Node, which report by a callback',
  receiveLowWater: NO_CALL,
  userTimeout: NO_CALL,
  keepAliveDelayRead: NO_CALL,
  urgentData: NO_CALL,
  reusePort: hasReusePort || 'Node has it since 23.1',
  descriptorLimit: 'libuv closes the connections for which there is no descriptor',
  resetRememberedBehindEnd: 'libuv takes a hangup after a short read for the end of the stream',
  systemBacklog: 'libuv accepts connections before an accept is posted',
  peerNameAfterReset: true,
  replacedPaths: 'libuv removes whatever has the path when it closes the listener',
} as const;

/** Capabilities that the driver lacks in Deno as well. */
export const NODE_IN_DENO_CAPABILITIES = {
  ...NODE_CAPABILITIES,
  ipv6Only: 'Deno binds addresses without the option',
  sendsAfterEnd: 'Deno takes an end that it meets while a send waits for the end of both directions',
  arrivalsFirst: 'Deno calls timers and immediates before it asks for what has arrived',
} as const;

/** Its sockets are no descriptors, so tests cannot ask the system about them. */
export const NODE_PEERS: Peers = Object.fromEntries(
  Object.entries(nodePeers).filter(([name]) => name !== 'keepAliveOf'),
) as unknown as Peers;
