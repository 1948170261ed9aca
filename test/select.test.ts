/** The driver `select` keeps the contract. */

import { contractSuite } from './contract/suite.js';

contractSuite('select', { multishot: false, unixConnectWaits: false });
