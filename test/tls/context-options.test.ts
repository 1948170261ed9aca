/** The options of contexts that node:tls makes. */

import { describe } from 'node:test';
import { contextOptions } from './context-options.js';

describe('options of contexts', () => contextOptions());
