/** The driver `node` keeps the contract. */

import { contractSuite } from '../../contract/suite.js';
import { NODE_CAPABILITIES, NODE_PEERS } from '../../support/node-driver.js';

contractSuite('node', NODE_CAPABILITIES, {}, { peers: NODE_PEERS });
