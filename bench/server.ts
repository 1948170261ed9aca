/** Starts a contender's server, and the backend of a proxy; stops them between measurements, and ends them. */

import { setTimeout as delay } from 'node:timers/promises';
import { Child } from './child.js';
import type { Contender } from './contender.js';
import { nodeCommand } from './contenders/node.js';
import type { Target } from './load/order.js';
import { descriptorsOpen } from './measuring.js';
import { built, LOAD_CPU, SERVER_CPU } from './paths.js';
import type { Scenario } from './scenarios/scenario.js';
import { tlsFilesOfRun } from './tls-files.js';

const PORT_MAX = 65_535;
const START_TIMEOUT_MS = 20_000;
/** How long a server may take to close its side of the connections that the load has closed. */
const CLOSE_TIMEOUT_MS = 5000;
/** The time between two checks of that. */
const CLOSE_INTERVAL_MS = 10;
/** Descriptors that a server may have opened for itself, once. */
const DESCRIPTORS_MORE_MAX = 16;
/** The backend of a proxy, an echo server: the same for all contenders, and on the load's processor. */
const BACKEND = nodeCommand(built('servers/port.js'), 'auto', 'run');
const COMPUTING = nodeCommand(built('servers/computing.js'));

/** The port that a server prints first. */
async function portOf(server: Child): Promise<number> {
  const line = await server.says(START_TIMEOUT_MS);
  const port = Number(line);
  if (!(Number.isInteger(port) && port > 0 && port <= PORT_MAX)) {
    throw new Error(`Cannot use the first line of a server: found ${line}, wanted a port`);
  }
  return port;
}

export class Server {
  readonly #contender: Contender;
  /** The backend of a proxy, the server, and the program that shares its processor. */
  readonly #children: Child[] = [];
  /** The descriptors of each of them at the start. */
  #descriptors: readonly number[] = [];

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  /**
   * @param inUseFile the file for its memory in use, if it is to report that
   */
  async start({ role, sharesProcessor, tls }: Scenario, inUseFile?: string): Promise<Target> {
    const { remote } = this.#contender;
    const words = [...this.#contender.command(role)];
    let backend: Child | undefined;
    if (role === 'proxy') {
      backend = this.#started(new Child('The backend', LOAD_CPU, BACKEND));
      words.push(String(await portOf(backend)));
    }
    const files = tls === true ? tlsFilesOfRun() : undefined;
    const environment = { ...files?.environment, ...(inUseFile !== undefined && { IN_USE_FILE: inUseFile }) };
    const server = this.#started(new Child('The server', SERVER_CPU, words, { isAsked: remote === true, environment }));
    const port = await portOf(server);
    const computing = sharesProcessor === true ? await this.#startComputing() : undefined;
    this.#descriptors = this.#children.map(({ pid }) => descriptorsOpen(pid));
    return {
      port,
      pid: server.pid,
      ...(backend === undefined ? {} : { backendPid: backend.pid }),
      ...(computing === undefined ? {} : { computingPid: computing.pid }),
      ...(files === undefined ? {} : { tls: { authorityFile: files.authorityFile } }),
      ...(inUseFile === undefined ? {} : { inUseFile }),
    };
  }

  async #startComputing(): Promise<Child> {
    const computing = this.#started(new Child('The computing program', SERVER_CPU, COMPUTING));
    await computing.says(START_TIMEOUT_MS);
    return computing;
  }

  #started(child: Child): Child {
    this.#children.push(child);
    return child;
  }

  /**
   * Stops it once it has closed the connections that the load has closed, so that no work of one measurement is done
   * during another: neither its own nor another server's. (V8 collects the garbage of a process that has been idle for
   * some eight seconds.)
   */
  async rest(): Promise<void> {
    const deadline = performance.now() + CLOSE_TIMEOUT_MS;
    const left = (): number =>
      Math.max(...this.#children.map(({ pid }, index) => descriptorsOpen(pid) - (this.#descriptors[index] as number)));
    while (left() > DESCRIPTORS_MORE_MAX) {
      if (performance.now() > deadline) {
        throw new Error(
          `Connections left open: found ${left()} more descriptors than before ${CLOSE_TIMEOUT_MS} ms after the last connection, wanted at most ${DESCRIPTORS_MORE_MAX}`,
        );
      }
      await delay(CLOSE_INTERVAL_MS);
    }
    for (const child of this.#children) {
      child.pause();
    }
  }

  resume(): void {
    for (const child of this.#children) {
      child.resume();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
  }

  /** The failure, and how the server ended if it has: the load reports only that its connections failed. */
  async failureOf({ message }: Error): Promise<Error> {
    const ends = await Promise.all(this.#children.map((child) => child.lastWords()));
    return new Error([message, ...ends.filter((end) => end !== undefined && !message.includes(end))].join('; '));
  }
}
