/** The engine on the driver `select`. */

import { engineSuite } from './suite.js';

engineSuite('select', { multishot: false, unixConnectWaits: false });
