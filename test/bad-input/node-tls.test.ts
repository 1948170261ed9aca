/** The suite of bad input on node:tls, which passes it: what the engine fails is not the suite's fault. */

import { NODE_TLS } from './node-tls.js';
import { badInput } from './suite.js';

badInput(NODE_TLS);
