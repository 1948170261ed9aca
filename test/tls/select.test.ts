/** TLS on the driver `select`. */

import { tlsSuite } from './suite.js';

tlsSuite('select');
