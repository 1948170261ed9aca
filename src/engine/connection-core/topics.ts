/** Topics and their subscribers. A topic exists as long as it has a subscriber. */

import { Buffer } from 'node:buffer';
import { invalidType } from '../../base/argument-errors.js';
import { OperationError } from '../../base/errors.js';
import type { TopicLimits } from '../limits.js';

export type CheckedTopicLimits = Required<TopicLimits>;

/** Checked limits with their defaults. */
export function topicLimitsOf(limits: TopicLimits): CheckedTopicLimits {
  return {
    topicsPerConnectionMax: limits.topicsPerConnectionMax ?? 1000,
    topicsMax: limits.topicsMax ?? 1_000_000,
    topicBytesMax: limits.topicBytesMax ?? 1024,
  };
}

/** Memory of a subscription besides the name: a topic of its own, and its places in two sets (450 bytes on Node 20). */
const SUBSCRIPTION_BYTES = 480;
const BYTES_PER_UNIT = 2;

interface Topic<Member> {
  readonly name: string;
  readonly members: Set<Member>;
}

const NOBODY: ReadonlySet<never> = new Set();

export class Topics<Member> {
  readonly #limits: CheckedTopicLimits;
  readonly #topics = new Map<string, Topic<Member>>();
  readonly #ofMembers = new Map<Member, Set<Topic<Member>>>();

  constructor(limits: CheckedTopicLimits) {
    this.#limits = limits;
  }

  /** Topics with a subscriber. */
  get count(): number {
    return this.#topics.size;
  }

  /**
   * Returns the memory that the subscription takes, in bytes; 0 if the member had subscribed before.
   * @throws TypeError `ERR_INVALID_ARG_TYPE`; OperationError `ERR_TOPIC_TOO_LONG`, `ERR_TOPICS_MAX`
   */
  subscribe(member: Member, name: string): number {
    const known = this.#topics.get(name);
    if (known?.members.has(member) === true) {
      return 0;
    }
    const ofMember = this.#ofMembers.get(member) ?? new Set();
    const { topicsPerConnectionMax } = this.#limits;
    if (ofMember.size >= topicsPerConnectionMax) {
      throw tooMany(`The connection has subscribed to ${topicsPerConnectionMax} topics`, 'topicsPerConnectionMax');
    }
    const topic = known ?? this.#create(name);
    topic.members.add(member);
    ofMember.add(topic);
    this.#ofMembers.set(member, ofMember);
    return memoryOf(topic);
  }

  #create(name: string): Topic<Member> {
    const { topicsMax } = this.#limits;
    checkName(name, this.#limits.topicBytesMax);
    if (this.#topics.size >= topicsMax) {
      throw tooMany(`The server has ${topicsMax} topics`, 'topicsMax');
    }
    const topic = { name: ownCopy(name), members: new Set<Member>() };
    this.#topics.set(topic.name, topic);
    return topic;
  }

  /** Returns the memory that the subscription took, in bytes; 0 if there was none. */
  unsubscribe(member: Member, name: string): number {
    const ofMember = this.#ofMembers.get(member);
    const topic = this.#topics.get(name);
    if (topic === undefined || ofMember?.delete(topic) !== true) {
      return 0;
    }
    if (ofMember.size === 0) {
      this.#ofMembers.delete(member);
    }
    this.#leave(member, topic);
    return memoryOf(topic);
  }

  /** The member has gone: removes its subscriptions. */
  forget(member: Member): void {
    for (const topic of this.#ofMembers.get(member) ?? []) {
      this.#leave(member, topic);
    }
    this.#ofMembers.delete(member);
  }

  #leave(member: Member, topic: Topic<Member>): void {
    topic.members.delete(member);
    if (topic.members.size === 0) {
      this.#topics.delete(topic.name);
    }
  }

  /** The subscribers of a topic. */
  membersOf(name: string): ReadonlySet<Member> {
    return this.#topics.get(name)?.members ?? NOBODY;
  }

  /** The topics that a member has subscribed to. */
  topicsOf(member: Member): readonly string[] {
    return Array.from(this.#ofMembers.get(member) ?? [], ({ name }) => name);
  }
}

function memoryOf({ name }: Topic<unknown>): number {
  return SUBSCRIPTION_BYTES + BYTES_PER_UNIT * name.length;
}

function checkName(name: unknown, bytesMax: number): void {
  if (typeof name !== 'string') {
    throw invalidType('topic', 'a string', name);
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
