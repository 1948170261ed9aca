/** Bad input for the engine's TLS on select. */

import { engineOn } from './engine.js';
import { badInput } from './suite.js';

badInput(engineOn('select'));
