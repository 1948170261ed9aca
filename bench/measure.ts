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

const START_TIMEOUT_MS = 20_000;
/** For connecting, and settling where memory is measured, of all that run at one time; beyond the time that is measured. */
const LOAD_TIMEOUT_MS = 180_000;
/** The echo server behind a proxy: the same for all, and with the load on its processor. */
const BEHIND = nodeCommand(false, built('servers/port.js'), 'auto', 'run');

/** @throws Error that says what failed */
export async function measure(contender: Contender, scenario: Scenario, timing: Timing): Promise<Sample> {
  const children: Child[] = [];
  const start = (name: string, cpu: number, command: readonly string[]): Child => {
    const child = new Child(name, cpu, command);
    children.unshift(child);
    return child;
  };
  const work = scenario.work(timing.quick);
  try {
    const words = [...contender.command(scenario.role, work.kind === 'idle')];
    if (scenario.role === 'proxy') {
      words.push(await start('The server behind', LOAD_CPU, BEHIND).says(START_TIMEOUT_MS));
    }
    const server = start('The server', SERVER_CPU, words);
    const order: LoadOrder = {
      work,
      port: Number(await server.says(START_TIMEOUT_MS)),
      pid: server.pid,
      collects: contender.collects === true,
      warmUpMs: timing.warmUpMs,
      measureMs: timing.measureMs,
    };
    const load = start('The load', LOAD_CPU, nodeCommand(false, built('load/main.js'), JSON.stringify(order)));
    const answer = await load.says(LOAD_TIMEOUT_MS + timing.warmUpMs + timing.measureMs);
    return JSON.parse(answer) as Sample;
  } finally {
    await Promise.all(children.map((child) => child.stop(contender.remote === true)));
  }
}
