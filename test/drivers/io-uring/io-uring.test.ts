/** The driver `io_uring` keeps the contract. */

import { contractSuite } from '../../contract/suite.js';

contractSuite('io_uring', { multishot: true, unixConnectWaits: true });
