/** The engine on the driver `node` on Windows: the topics in which libuv's sockets differ there. `node.test.ts` has all. */

import { NODE_CAPABILITIES, NODE_PEERS } from '../support/node-driver.js';
import { engineSuite } from './suite.js';

engineSuite(
  'node',
  NODE_CAPABILITIES,
  {},
  {
    title: ' on Windows',
    peers: NODE_PEERS,
    topics: [
      'conversations',
      'writing',
      'ending',
      'what the peer sees',
      'servers',
      'connecting',
      'socket options',
      'names',
    ],
  },
);
