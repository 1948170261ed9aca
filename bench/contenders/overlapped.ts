/** overlapped: the engine and the bare port, on each driver. */

import type { Distribution } from 'overlapped';
import { probeDrivers } from 'overlapped/port';
import type { Contender, Presence } from '../contender.js';
import { built } from '../paths.js';
import { THREADS } from '../scenarios/cores.js';
import { ROLES, TLS_ROLES } from '../servers/roles.js';
import { nodeCommand, nodeVersion } from './node.js';

const DRIVERS = ['io_uring', 'epoll', 'select'] as const;

/** The last part of the command line selects how this server echoes. */
const ECHOES_ASIDE = ['messages', 'decoding'] as const;

export function presenceOf(driver: string): Presence {
  const probe = probeDrivers().find(({ name }) => name === driver)?.probe;
  return probe?.usable === true ? nodeVersion() : { missing: probe?.reason ?? 'no driver of this system' };
}

function engine(driver: string): Contender {
  return {
    name: `engine:${driver}`,
    title: `overlapped, ${driver}`,
    roles: [...ROLES, ...TLS_ROLES],
    collects: true,
    prepare: () => presenceOf(driver),
    command: (role) => nodeCommand(built('servers/engine.js'), driver, role),
  };
}

function port(driver: string, mode: 'run' | 'loop'): Contender {
  return {
    name: mode === 'run' ? `port:${driver}` : `loop:${driver}`,
    title: `overlapped, bare port${mode === 'run' ? '' : ' in the event loop'}, ${driver}`,
    roles: ['echo'],
    aside: mode === 'loop',
    // The thread of the other connection never handles it.
    collects: mode === 'loop',
    prepare: () => presenceOf(driver),
    command: () => nodeCommand(built('servers/port.js'), driver, mode),
  };
}

function aside(driver: string, echo: string): Contender {
  return {
    name: `${echo}:${driver}`,
    title: `overlapped, ${echo}, ${driver}`,
    roles: ['echo'],
    aside: true,
    collects: true,
    prepare: () => presenceOf(driver),
    command: () => nodeCommand(built('servers/engine.js'), driver, echo),
  };
}

const THREADS_ROLES = ['echo', 'broadcast'] as const;

function threads(driver: string, count: number, distribution: Distribution): Contender {
  const byPort = distribution === 'reuse_port';
  return {
    name: `threads-${count}${byPort ? '-reuse' : ''}:${driver}`,
    title: `overlapped, ${driver}, ${count} ${count === 1 ? 'thread' : 'threads'}${byPort ? ', a listener each' : ''}`,
    roles: THREADS_ROLES,
    aside: true,
    collects: true,
    prepare: () => presenceOf(driver),
    command: (role) => nodeCommand(built('servers/threads.js'), driver, distribution, String(count), role),
  };
}

export const OVERLAPPED: readonly Contender[] = [
  ...DRIVERS.map(engine),
  // Node's own sockets, to be compared with node:net.
  engine('node'),
  ...DRIVERS.map((driver) => port(driver, 'run')),
  ...DRIVERS.map((driver) => port(driver, 'loop')),
  ...DRIVERS.flatMap((driver) => ECHOES_ASIDE.map((echo) => aside(driver, echo))),
  ...DRIVERS.flatMap((driver) => THREADS.map((count) => threads(driver, count, 'dispatch'))),
  ...DRIVERS.flatMap((driver) => THREADS.slice(1).map((count) => threads(driver, count, 'reuse_port'))),
];
