/** One measurement: a contender's server on one processor, the load on the other. */

import { Child } from './child.js';
import type { Contender } from './contender.js';
import { nodeCommand } from './contenders/node.js';
import type { LoadOrder, Sample } from './load/order.js';
import { built, LOAD_CPU, SERVER_CPU } from './places.js';
import type { Scenario } from './scenario.js';

export interface Timing {
  readonly quick: boolean;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const PORT_MAX = 65_535;
const START_TIMEOUT_MS = 20_000;
/** For connecting, and settling where memory is measured, of all that run at one time; beyond the time that is measured. */
const LOAD_TIMEOUT_MS = 180_000;
/** By how much longer those warm up in which little happens. */
const SLOW_WARM_UP = 4;
/** The echo server behind a proxy: the same for all, and with the load on its processor. */
const BEHIND = nodeCommand(false, built('servers/port.js'), 'auto', 'run');

/** The port that a server says first. */
async function portOf(server: Child): Promise<number> {
  const line = await server.says(START_TIMEOUT_MS);
  const port = Number(line);
  if (!(Number.isInteger(port) && port > 0 && port <= PORT_MAX)) {
    throw new Error(`Cannot use the first line of a server: found ${line}, wanted a port`);
  }
  return port;
}

/** What failed, and how each ended that has: where the server has, the load tells only that its connections did. */
async function failureOf(error: unknown, children: readonly Child[]): Promise<Error> {
  const { message } = error as Error;
  const ends = await Promise.all(children.map((child) => child.lastWords()));
  return new Error([message, ...ends.filter((end) => end !== undefined && !message.includes(end))].join('; '));
}

/** @throws Error that says what failed */
export async function measure(contender: Contender, scenario: Scenario, timing: Timing): Promise<Sample> {
  const children: Child[] = [];
  const start = (name: string, cpu: number, command: readonly string[]): Child => {
    const child = new Child(name, cpu, command);
    children.unshift(child);
    return child;
  };
  let behind: Child | undefined;
  const warmUpMs = timing.warmUpMs * (scenario.warmsUpSlowly === true ? SLOW_WARM_UP : 1);
  const work = scenario.work(timing.quick);
  try {
    const words = [...contender.command(scenario.role, work.kind === 'idle')];
    if (scenario.role === 'proxy') {
      behind = start('The server behind', LOAD_CPU, BEHIND);
      words.push(String(await portOf(behind)));
    }
    const server = start('The server', SERVER_CPU, words);
    const order: LoadOrder = {
      work,
      port: await portOf(server),
      pid: server.pid,
      ...(behind === undefined ? {} : { behindPid: behind.pid }),
      collects: contender.collects === true,
      warmUpMs,
      measureMs: timing.measureMs,
    };
    const load = start('The load', LOAD_CPU, nodeCommand(false, built('load/main.js'), JSON.stringify(order)));
    const answer = await load.says(LOAD_TIMEOUT_MS + warmUpMs + timing.measureMs);
    return JSON.parse(answer) as Sample;
  } catch (error) {
    throw await failureOf(error, children);
  } finally {
    await Promise.all(children.map((child) => child.stop(contender.remote === true)));
  }
}
