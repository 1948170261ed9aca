/** The echo server on several threads. It reads their counts at intervals. */

import { URL } from 'node:url';
import { clearInterval, setInterval } from '../../base/runtime.js';
import { type DriverChoice, listen, type SocketAddress, type ThreadedServer } from '../../index.js';
import { endpointOf } from '../target.js';
import type { Activity, Totals } from './activity.js';
import { ECHO_OPTIONS } from './rules.js';

/** The time between two reads of the threads' counts, in ms. */
const LOOK_MS = 1000;

export interface EchoThreadsOptions {
  readonly threads: number;
  readonly driver: DriverChoice;
}

/** The server of all threads, with its last counts. */
export class EchoThreads {
  readonly #server: ThreadedServer;
  readonly #activity: Activity;
  readonly #timer: NodeJS.Timeout;
  totals: Totals = { opened: 0, closed: 0, messages: 0, bytes: 0 };

  private constructor(server: ThreadedServer, activity: Activity) {
    this.#server = server;
    this.#activity = activity;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  /** @param onFailure called with the error if the server cannot accept any more */
  static async listen(
    options: EchoThreadsOptions,
    address: SocketAddress,
    activity: Activity,
    onFailure: (error: Error) => void,
  ): Promise<EchoThreads> {
    const { threads, driver } = options;
    const module = new URL('./handlers.js', import.meta.url);
    const place = endpointOf(address);
    const server = await listen({ threads, driver, module, ...place, ...ECHO_OPTIONS, onListenError: onFailure });
    return new EchoThreads(server, activity);
  }

  get server(): ThreadedServer {
    return this.#server;
  }

  /** Reads the counts. They never decrease, although a thread that died takes its counts with it. */
  async #look(): Promise<void> {
    const { connections, messagesRead, bytesRead } = await this.#server.statistics();
    const { opened, closed, messages, bytes } = this.totals;
    const seen: Totals = {
      opened: Math.max(opened, connections.opened),
      closed: Math.max(closed, connections.closed),
      messages: Math.max(messages, messagesRead),
      bytes: Math.max(bytes, bytesRead),
    };
    const changed = seen.opened > opened || seen.closed > closed || seen.messages > messages;
    this.totals = seen;
    if (changed) {
      this.#activity.happened();
    }
  }

  /** Stops listening, echoes bytes on their way, and ends each connection once it is quiet. */
  async drain(timeoutMs: number): Promise<void> {
    await this.#server.close({ deadlineMs: timeoutMs });
    clearInterval(this.#timer);
    await this.#look();
  }
}
