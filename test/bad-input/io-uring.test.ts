/** Bad input for the engine's TLS on io_uring. */

import { engineOn } from './engine.js';
import { badInput } from './suite.js';

badInput(engineOn('io_uring'));
