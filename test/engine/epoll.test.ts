/** The engine on the driver `epoll`. */

import { engineSuite } from './suite.js';

engineSuite('epoll', { multishot: false, unixConnectWaits: false });
