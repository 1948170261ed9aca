/** Limits of this machine and process that concern a network server. A limit that cannot be read is unknown, not an error. */

import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { process, RUNTIME_TITLES, runtime } from '../../base/runtime.js';

/** A limit: a number, none, or one that cannot be read here. */
export type Limit = number | 'unlimited' | 'unknown';

export interface Limits {
  readonly kernel: string;
  /** The version of Node, or of Node's interface. */
  readonly node: string;
  /** The runtime and its version. */
  readonly runtime: string;
  readonly processors: number;
  readonly descriptorsSoft: Limit;
  readonly descriptorsHard: Limit;
  readonly lockedMemoryBytes: Limit;
  /** The longest queue of connections that wait to be accepted. */
  readonly backlogMax: Limit;
  /** 0: io_uring is allowed; 1: for privileged processes only; 2: for none. */
  readonly ioUringDisabled: Limit;
  readonly localPortFirst: Limit;
  readonly localPortLast: Limit;
}

/** Limits below these get advice. */
const DESCRIPTORS_FEW = 10_000;
const BACKLOG_SHORT = 1024;
const LOCAL_PORTS_FEW = 20_000;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function limitOf(text: string | undefined): Limit {
  if (text === 'unlimited') {
    return text;
  }
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : 'unknown';
}

/** Returns the soft and the hard value of a line of /proc/self/limits (proc(5)). */
export function processLimit(limits: string | undefined, name: string): readonly [soft: Limit, hard: Limit] {
  const line = limits?.split('\n').find((candidate) => candidate.startsWith(name));
  const [soft, hard] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  return [limitOf(soft), limitOf(hard)];
}

/** @param root the path of /proc; tests have their own */
export function readLimits(root = '/proc'): Limits {
  const limits = read(`${root}/self/limits`);
  const sysctl = (name: string): string[] => read(`${root}/sys/${name}`)?.trim().split(/\s+/) ?? [];
  const [descriptorsSoft, descriptorsHard] = processLimit(limits, 'Max open files');
  const [localPortFirst, localPortLast] = sysctl('net/ipv4/ip_local_port_range');
  return {
    kernel: `${release()} ${process.arch}`,
    node: process.version,
    runtime: `${RUNTIME_TITLES[runtime]} ${process.versions[runtime]}`,
    processors: availableParallelism(),
    descriptorsSoft,
    descriptorsHard,
    lockedMemoryBytes: processLimit(limits, 'Max locked memory')[0],
    backlogMax: limitOf(sysctl('net/core/somaxconn')[0]),
    ioUringDisabled: limitOf(sysctl('kernel/io_uring_disabled')[0]),
    localPortFirst: limitOf(localPortFirst),
    localPortLast: limitOf(localPortLast),
  };
}

/** Returns advice for each limit that is too small. */
export function limitAdvice(limits: Limits): string[] {
  const advice: string[] = [];
  const { descriptorsSoft: soft, descriptorsHard: hard, backlogMax, localPortFirst, localPortLast } = limits;
  if (typeof soft === 'number' && soft < DESCRIPTORS_FEW) {
    const most = typeof hard === 'number' ? Math.min(hard, 65_536) : 65_536;
    const command = most > soft ? `ulimit -n ${most}` : 'raise the hard limit, then ulimit -n';
    advice.push(`the limit of ${soft} descriptors allows about as many connections; raise it: ${command}`);
  }
  if (typeof backlogMax === 'number' && backlogMax < BACKLOG_SHORT) {
    advice.push(
      `only ${backlogMax} connections can wait to be accepted; raise the limit: sysctl -w net.core.somaxconn=4096`,
    );
  }
  if (
    typeof localPortFirst === 'number' &&
    typeof localPortLast === 'number' &&
    localPortLast - localPortFirst < LOCAL_PORTS_FEW
  ) {
    const ports = localPortLast - localPortFirst + 1;
    advice.push(
      `only ${ports} local ports for outgoing connections; add more: sysctl -w net.ipv4.ip_local_port_range="15000 60999"`,
    );
  }
  return advice;
}
