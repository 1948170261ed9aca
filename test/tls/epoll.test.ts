/** TLS on the driver `epoll`. */

import { tlsSuite } from './suite.js';

tlsSuite('epoll');
