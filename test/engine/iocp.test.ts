/** The engine on the driver `iocp`. */

import { IOCP_RESET_REMEMBERED } from '../support/windows.js';
import { engineSuite } from './suite.js';

engineSuite('iocp', { multishot: false, unixConnectWaits: false, resetRemembered: IOCP_RESET_REMEMBERED });
