/** The engine on the driver `iocp`. */

import { engineSuite } from './engine/suite.js';

engineSuite('iocp', { multishot: false, unixConnectWaits: false });
