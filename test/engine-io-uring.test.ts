/** The engine on the driver `io_uring`. */

import { engineSuite } from './engine/suite.js';

engineSuite('io_uring', { multishot: true, unixConnectWaits: true });
