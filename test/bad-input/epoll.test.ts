/** Bad input for the engine's TLS on epoll. */

import { engineOn } from './engine.js';
import { badInput } from './suite.js';

badInput(engineOn('epoll'));
