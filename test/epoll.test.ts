/** The driver `epoll` keeps the contract. */

import { contractSuite } from './contract/suite.js';

contractSuite('epoll', { multishot: false, unixConnectWaits: false });
