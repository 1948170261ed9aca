/** The engine's tests, the same on every driver. */

import { describe } from 'node:test';
import type { DriverChoice, DriverName, EngineOptions } from 'overlapped';
import type { SimNetwork } from 'overlapped/sim';
import type { DriverCapabilities } from '../contract/subject.js';
import { nodePeers, type Peers } from '../support/peers.js';
import { type SystemCapabilities, systemCapabilities } from '../support/system.js';
import { asyncHandlers } from './async-handlers.js';
import { connecting } from './connecting.js';
import { contexts } from './contexts.js';
import { conversations } from './conversations.js';
import { cuts } from './cuts.js';
import { ending } from './ending.js';
import { errorReports } from './error-reports.js';
import { handlerErrors } from './handler-errors.js';
import { holding } from './holding.js';
import { hostile } from './hostile.js';
import { iterating } from './iterating.js';
import { likeNet } from './like-net.js';
import { limits } from './limits.js';
import { lives } from './lives.js';
import { lowWater } from './low-water.js';
import { memory } from './memory.js';
import { messages } from './messages.js';
import { names } from './names.js';
import { paths } from './paths.js';
import { pausing } from './pausing.js';
import { readAhead } from './read-ahead.js';
import { servers } from './servers.js';
import { socketOptions } from './socket-options.js';
import { streamWrites } from './stream-writes.js';
import { streams } from './streams.js';
import type { EngineSubject } from './subject.js';
import { topics } from './topics.js';
import { webStreams } from './web-streams.js';
import { writing } from './writing.js';

const TOPICS = {
  conversations,
  writing,
  memory,
  ending,
  'what the peer sees': cuts,
  pausing,
  holding,
  'read ahead': readAhead,
  limits,
  'low-water marks': lowWater,
  'handler errors': handlerErrors,
  servers,
  connecting,
  'socket options': socketOptions,
  names,
  paths,
  streams,
  'what streams write': streamWrites,
  'a Duplex and node:net': likeNet,
  iterating,
  'web streams': webStreams,
  messages,
  'async handlers': asyncHandlers,
  'async contexts': contexts,
  'error reports': errorReports,
  topics,
  lives,
  hostile,
};

export type Topic = keyof typeof TOPICS;

/** Where a suite differs from the usual, which has peers of node:net. */
export interface EngineSetting {
  /** The difference, for the title. */
  readonly title?: string;
  readonly peers?: Peers;
  readonly network?: SimNetwork;
  /** The topics to test, all by default. */
  readonly topics?: readonly Topic[] | undefined;
}

export function engineSuite(
  driver: DriverName,
  capabilities: DriverCapabilities & Partial<SystemCapabilities>,
  options: EngineOptions = {},
  setting: EngineSetting = {},
): void {
  const subject: EngineSubject = {
    driver,
    capabilities: { ...systemCapabilities, ...capabilities },
    options: { driver: driver as DriverChoice, ...options },
    peers: setting.peers ?? nodePeers,
    network: setting.network,
  };
  describe(`The engine on ${driver}${setting.title ?? ''}`, () => {
    for (const [name, topic] of Object.entries(TOPICS)) {
      if (setting.topics?.includes(name as Topic) !== false) {
        describe(name, () => topic(subject));
      }
    }
  });
}
