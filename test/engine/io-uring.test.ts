/** The engine on the driver `io_uring`. */

import { engineSuite } from './suite.js';

engineSuite('io_uring', { multishot: true, unixConnectWaits: true });
