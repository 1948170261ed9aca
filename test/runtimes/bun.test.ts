/** overlapped in Bun. */

import { OF_LINUX, runtimeSuite } from './suite.js';

runtimeSuite('bun', { program: [], tests: ['test', '--timeout', '30000'], drivers: OF_LINUX });
