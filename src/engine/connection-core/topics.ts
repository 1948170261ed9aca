/** Who has subscribed to what: a topic exists as long as it has a subscriber. */

import { Buffer } from 'node:buffer';
import { OperationError } from '../../base/errors.js';
import type { Connection } from '../connection.js';
import type { TopicLimits } from '../limits.js';
import { checkNumber } from '../options.js';

export type CheckedTopicLimits = Required<TopicLimits>;

/** @throws OperationError `ERR_OUT_OF_RANGE` */
export function checkTopicLimits(limits: TopicLimits): CheckedTopicLimits {
  const check = (name: keyof TopicLimits, unlessTold: number, most: number): number =>
    checkNumber(`limits.${name}`, limits[name], { unlessTold, least: 1, most });
  return {
    topicsPerConnectionMax: check('topicsPerConnectionMax', 1000, Infinity),
    topicsMax: check('topicsMax', 1_000_000, Infinity),
    topicBytesMax: check('topicBytesMax', 1024, 65_536),
  };
}

/** What a subscription takes besides the name: a topic of its own, and its places in two sets (450 bytes on Node 20). */
const SUBSCRIPTION_BYTES = 480;
const BYTES_PER_UNIT = 2;

interface Topic {
  readonly name: string;
  readonly members: Set<Connection>;
}

const NOBODY: ReadonlySet<Connection> = new Set();

export class Topics {
  readonly #limits: CheckedTopicLimits;
  readonly #topics = new Map<string, Topic>();
  readonly #ofConnections = new Map<Connection, Set<Topic>>();

  constructor(limits: CheckedTopicLimits) {
    this.#limits = limits;
  }

  /** Topics with a subscriber. */
  get count(): number {
    return this.#topics.size;
  }

  /**
   * Returns whether the connection had not subscribed before.
   * @throws OperationError `ERR_INVALID_ARG_TYPE`, `ERR_TOPIC_TOO_LONG`, `ERR_TOPICS_MAX`
   */
  subscribe(connection: Connection, name: string): boolean {
    const known = this.#topics.get(name);
    if (known?.members.has(connection) === true) {
      return false;
    }
    const ofConnection = this.#ofConnections.get(connection) ?? new Set();
    const { topicsPerConnectionMax } = this.#limits;
    if (ofConnection.size >= topicsPerConnectionMax) {
      throw tooMany(`The connection has subscribed to ${topicsPerConnectionMax} topics`, 'topicsPerConnectionMax');
    }
    const topic = known ?? this.#create(name);
    topic.members.add(connection);
    ofConnection.add(topic);
    this.#ofConnections.set(connection, ofConnection);
    connection.group.engine.held.change(connection, memoryOf(topic));
    return true;
  }

  #create(name: string): Topic {
    const { topicsMax } = this.#limits;
    checkName(name, this.#limits.topicBytesMax);
    if (this.#topics.size >= topicsMax) {
      throw tooMany(`The server has ${topicsMax} topics`, 'topicsMax');
    }
    const topic = { name: ownCopy(name), members: new Set<Connection>() };
    this.#topics.set(topic.name, topic);
    return topic;
  }

  /** Returns whether the connection had subscribed. */
  unsubscribe(connection: Connection, name: string): boolean {
    const ofConnection = this.#ofConnections.get(connection);
    const topic = this.#topics.get(name);
    if (topic === undefined || ofConnection?.delete(topic) !== true) {
      return false;
    }
    if (ofConnection.size === 0) {
      this.#ofConnections.delete(connection);
    }
    this.#leave(connection, topic);
    connection.group.engine.held.change(connection, -memoryOf(topic));
    return true;
  }

  /** The connection is over. */
  forget(connection: Connection): void {
    for (const topic of this.#ofConnections.get(connection) ?? []) {
      this.#leave(connection, topic);
    }
    this.#ofConnections.delete(connection);
  }

  #leave(connection: Connection, topic: Topic): void {
    topic.members.delete(connection);
    if (topic.members.size === 0) {
      this.#topics.delete(topic.name);
    }
  }

  /** The subscribers of a topic. */
  membersOf(name: string): ReadonlySet<Connection> {
    return this.#topics.get(name)?.members ?? NOBODY;
  }

  /** What a connection has subscribed to. */
  topicsOf(connection: Connection): readonly string[] {
    return Array.from(this.#ofConnections.get(connection) ?? [], ({ name }) => name);
  }
}

function memoryOf({ name }: Topic): number {
  return SUBSCRIPTION_BYTES + BYTES_PER_UNIT * name.length;
}

function checkName(name: unknown, bytesMax: number): void {
  if (typeof name !== 'string') {
    const reason = `Expected the name of a topic, got ${typeof name}`;
    throw new OperationError({ code: 'ERR_INVALID_ARG_TYPE', reason, syscall: 'subscribe' });
  }
  const byteLength = Buffer.byteLength(name);
  if (byteLength > bytesMax) {
    const reason = `The name of a topic has ${byteLength} bytes, and may have ${bytesMax} (topicBytesMax)`;
    throw new OperationError({ code: 'ERR_TOPIC_TOO_LONG', reason, syscall: 'subscribe' });
  }
}

/**
 * V8 makes a slice of a text of 13 characters and more a reference to all of the text, which is often a whole message. A
 * text that is made of bytes is a new one. UTF-16 keeps every text as it is, half surrogate pairs too.
 */
function ownCopy(name: string): string {
  return Buffer.from(name, 'utf16le').toString('utf16le');
}

function tooMany(reason: string, option: keyof TopicLimits): OperationError {
  return new OperationError({
    code: 'ERR_TOPICS_MAX',
    reason: `${reason}, the most (${option})`,
    syscall: 'subscribe',
  });
}
