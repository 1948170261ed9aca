/** The engine on the driver `select`. */

import { engineSuite } from './engine/suite.js';

engineSuite('select', { multishot: false, unixConnectWaits: false });
