/** The driver `node` on Windows: the topics of the contract in which libuv's sockets differ there. `node.test.ts` has all. */

import { contractSuite } from '../../contract/suite.js';
import { NODE_CAPABILITIES, NODE_PEERS } from '../../support/node-driver.js';

contractSuite(
  'node',
  NODE_CAPABILITIES,
  {},
  {
    title: ' on Windows',
    peers: NODE_PEERS,
    topics: ['completions', 'cancelling', 'closing', 'bytes', 'endings', 'resets', 'connecting', 'addresses', 'misuse'],
  },
);
