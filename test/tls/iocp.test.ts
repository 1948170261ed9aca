/** TLS on the driver `iocp`. */

import { tlsSuite } from './suite.js';

tlsSuite('iocp');
