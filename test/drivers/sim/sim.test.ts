/** The driver `sim` keeps the contract: with receives that complete once, and with multishot receives. */

import { simSuite } from '../../support/sim-suite.js';

simSuite('', {});
simSuite(' with multishot', { multishot: true });
