/** The engine on the driver `node`. */

import { NODE_CAPABILITIES, NODE_PEERS } from '../support/node-driver.js';
import { engineSuite } from './suite.js';

engineSuite('node', NODE_CAPABILITIES, {}, { peers: NODE_PEERS });
