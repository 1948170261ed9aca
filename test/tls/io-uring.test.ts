/** TLS on the driver `io_uring`. */

import { tlsSuite } from './suite.js';

tlsSuite('io_uring');
