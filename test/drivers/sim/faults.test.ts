/** The driver `sim` keeps the contract, and the port does, while things go wrong as they may go on any system. */

import type { SimFaults } from 'overlapped/sim';
import { TOPICS, type Topic } from '../../contract/suite.js';
import { simSuite } from '../../support/sim-suite.js';

const LATE: Partial<SimFaults> = {
  reorderedCompletions: 0.3,
  deliveryDelayMs: [0, 1],
  connectDelayMs: [0, 3],
  operationDelayMs: [0, 0.5],
  completionDelayMs: [0, 0.5],
  cancelDelayMs: [0, 1],
};

/** Topics with tests that count on what a peer did being there at once. */
const COUNT_ON_PROMPTNESS: readonly Topic[] = ['endings', 'lateness', 'resets'];

/** Topics with tests that count on a small message coming whole. */
const COUNT_ON_WHOLE_MESSAGES: readonly Topic[] = [
  'completions',
  'cancelling',
  'buffers',
  'addresses',
  'misuse',
  // Its program gives up after 30 s, and needs as long when receives are short and take their time.
  'threads',
];

/** Topics with programs of their own, in which faults of a network change nothing. */
const FAULTLESS: readonly Topic[] = ['processLife'];

/** The other topics run with all faults at once; these above with all that they stand. */
const STAND_ALL = TOPICS.filter(
  (topic) => ![...COUNT_ON_PROMPTNESS, ...COUNT_ON_WHOLE_MESSAGES, ...FAULTLESS].includes(topic),
);

simSuite(' with completions in another order', { faults: { reorderedCompletions: 0.5 } }, COUNT_ON_PROMPTNESS);
simSuite(' with everything late', { multishot: true, faults: LATE }, COUNT_ON_WHOLE_MESSAGES);
for (const multishot of [false, true]) {
  simSuite(
    ` with everything short and late${multishot ? ', with multishot' : ''}`,
    { multishot, faults: { ...LATE, shortReceives: 0.3, shortSends: 0.3, noBuffers: 0.1 } },
    STAND_ALL,
  );
}
