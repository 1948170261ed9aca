/** Imported before koffi: while that is being loaded, the thread must not be interrupted. */

import { beginUninterrupted } from './worker-table.js';

beginUninterrupted();
