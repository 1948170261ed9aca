/** The engine on the driver `iocp`. */

import { engineSuite } from './engine/suite.js';
import { IOCP_RESET_REMEMBERED } from './support/windows.js';

engineSuite('iocp', { multishot: false, unixConnectWaits: false, resetRemembered: IOCP_RESET_REMEMBERED });
