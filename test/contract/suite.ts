/** The contract of a completion port, as every driver has to keep it. */

import { describe } from 'node:test';
import type { CompletionPortOptions, DriverChoice, DriverName } from 'overlapped/port';
import { nodePeers, type Peers } from '../support/peers.js';
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
import { fairness } from './fairness.js';
import { immediateSends } from './immediate-sends.js';
import { lateness } from './lateness.js';
import { leaks } from './leaks.js';
import { loop } from './loop.js';
import { loopErrors } from './loop-errors.js';
import { lowWater } from './low-water.js';
import { memory } from './memory.js';
import { misuse } from './misuse.js';
import { processLife } from './process-life.js';
import { resets } from './resets.js';
import { type DriverCapabilities, definedFor } from './subject.js';
import { threads } from './threads.js';
import { waiting } from './waiting.js';

const BODIES = {
  completions,
  cancelling,
  closing,
  bytes,
  immediateSends,
  buffers,
  lowWater,
  memory,
  waiting,
  endings,
  resets,
  connecting,
  addresses,
  descriptorLimit,
  loop,
  loopErrors,
  processLife,
  threads,
  misuse,
  chaos,
  fairness,
  lateness,
  leaks,
};

/** Memory for the default number makes V8 collect garbage: a port takes ten times as long to create. */
const BUFFERS = 64;

export type Topic = keyof typeof BODIES;

export const TOPICS = Object.keys(BODIES) as readonly Topic[];

/** Where a suite differs from the usual: all topics, with peers of node:net. */
export interface SuiteSetting {
  /** The difference, for the title. */
  readonly title?: string;
  readonly peers?: Peers;
  readonly programOptions?: string;
  readonly topics?: readonly Topic[];
}

/**
 * Runs all topics for one driver, which may lack what its system has. `options` can withhold features, so that a
 * fall-back keeps the same contract.
 */
export function contractSuite(
  driver: DriverName,
  capabilities: DriverCapabilities & Partial<SystemCapabilities>,
  options: CompletionPortOptions = {},
  setting: SuiteSetting = {},
): void {
  const optionsOfPorts = { driver: driver as DriverChoice, bufferCount: BUFFERS, ...options };
  const subject = {
    driver,
    capabilities: { ...systemCapabilities, ...capabilities },
    options: optionsOfPorts,
    peers: setting.peers ?? nodePeers,
    programOptions: setting.programOptions ?? JSON.stringify(optionsOfPorts),
  };
  describe(`The contract on ${driver}${setting.title ?? ''}`, () => {
    for (const name of setting.topics ?? TOPICS) {
      describe(name, () => {
        definedFor(subject.capabilities);
        BODIES[name](subject);
      });
    }
  });
}
