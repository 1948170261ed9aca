/** The driver `iocp` keeps the contract. */

import { contractSuite } from './contract/suite.js';

contractSuite('iocp', { multishot: false, unixConnectWaits: false });
