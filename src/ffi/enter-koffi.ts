/** Imported before koffi, because the thread must not be interrupted while koffi is loaded. */

import { beginUninterrupted } from './worker-table.js';

beginUninterrupted();
