/** The tests of `overlapped/net` beyond Node's own net tests, the same on every driver. Each driver's file names it first. */

import { describe } from 'node:test';
import type { SystemDriverName } from 'overlapped/port';
import { adopting } from './adopting.js';
import { contexts } from './contexts.js';
import { ends } from './ends.js';
import { exits } from './exits.js';
import { identities } from './identities.js';
import { programs } from './programs.js';
import { reading } from './reading.js';
import { versions } from './versions.js';
import { writing } from './writing.js';

const TOPICS = { writing, reading, ends, exits, identities, contexts, adopting, programs, versions };

/** The driver is that of the variable OVERLAPPED_DRIVER, which must be set before this module is imported. */
export function netSuite(driver: SystemDriverName): void {
  describe(`overlapped/net on ${driver}`, () => {
    for (const [name, topic] of Object.entries(TOPICS)) {
      describe(name, () => topic(driver));
    }
  });
}
