/** Who has subscribed to what: a topic exists as long as somebody has. */

import type { Connection } from './connection.js';

const NOBODY: ReadonlySet<Connection> = new Set();

export class Topics {
  readonly #members = new Map<string, Set<Connection>>();
  readonly #topics = new Map<Connection, Set<string>>();

  /** Topics with a subscriber. */
  get count(): number {
    return this.#members.size;
  }

  /** Returns whether the connection had not subscribed before. */
  subscribe(connection: Connection, topic: string): boolean {
    const members = this.#members.get(topic) ?? new Set();
    if (members.has(connection)) {
      return false;
    }
    members.add(connection);
    this.#members.set(topic, members);
    const topics = this.#topics.get(connection) ?? new Set();
    topics.add(topic);
    this.#topics.set(connection, topics);
    return true;
  }

  /** Returns whether the connection had subscribed. */
  unsubscribe(connection: Connection, topic: string): boolean {
    const topics = this.#topics.get(connection);
    if (topics?.delete(topic) !== true) {
      return false;
    }
    if (topics.size === 0) {
      this.#topics.delete(connection);
    }
    this.#leave(connection, topic);
    return true;
  }

  /** The connection is over. */
  forget(connection: Connection): void {
    for (const topic of this.#topics.get(connection) ?? []) {
      this.#leave(connection, topic);
    }
    this.#topics.delete(connection);
  }

  #leave(connection: Connection, topic: string): void {
    const members = this.#members.get(topic);
    members?.delete(connection);
    if (members?.size === 0) {
      this.#members.delete(topic);
    }
  }

  /** The subscribers of a topic. */
  membersOf(topic: string): ReadonlySet<Connection> {
    return this.#members.get(topic) ?? NOBODY;
  }

  /** What a connection has subscribed to. */
  topicsOf(connection: Connection): readonly string[] {
    return [...(this.#topics.get(connection) ?? [])];
  }
}
