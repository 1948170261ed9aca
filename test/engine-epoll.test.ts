/** The engine on the driver `epoll`. */

import { engineSuite } from './engine/suite.js';

engineSuite('epoll', { multishot: false, unixConnectWaits: false });
