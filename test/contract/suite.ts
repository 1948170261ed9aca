/** The contract of a completion port, as every driver has to keep it. */

import { describe } from 'node:test';
import type { CompletionPortOptions, DriverName } from 'overlapped';
import { type SystemCapabilities, systemCapabilities } from '../support/system.js';
import { addresses } from './addresses.js';
import { buffers } from './buffers.js';
import { bytes } from './bytes.js';
import { cancelling } from './cancelling.js';
import { chaos } from './chaos.js';
import { closing } from './closing.js';
import { completions } from './completions.js';
import { connecting } from './connecting.js';
import { descriptorLimit } from './descriptor-limit.js';
import { endings } from './endings.js';
import { leaks } from './leaks.js';
import { loop } from './loop.js';
import { loopErrors } from './loop-errors.js';
import { misuse } from './misuse.js';
import { resets } from './resets.js';
import type { DriverCapabilities } from './subject.js';
import { threads } from './threads.js';
import { waiting } from './waiting.js';

const TOPICS = {
  completions,
  cancelling,
  closing,
  bytes,
  buffers,
  waiting,
  endings,
  resets,
  connecting,
  addresses,
  descriptorLimit,
  loop,
  loopErrors,
  threads,
  misuse,
  chaos,
  leaks,
};

/** Runs all topics for one driver, which may lack what its system has. `options` can withhold features, so that a fall-back keeps the same contract. */
export function contractSuite(
  driver: DriverName,
  capabilities: DriverCapabilities & Partial<SystemCapabilities>,
  options: CompletionPortOptions = {},
): void {
  const subject = { driver, capabilities: { ...systemCapabilities, ...capabilities }, options: { ...options, driver } };
  describe(`The contract on ${driver}`, () => {
    for (const [name, topic] of Object.entries(TOPICS)) {
      describe(name, () => topic(subject));
    }
  });
}
