/**
 * Where a program stands that takes too long: the stage that it has reached, and what each of its threads does. The
 * program that has started it reads this from outside, so it is also known of a program whose threads are all blocked.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** The time in which threads are watched, in ms. */
const WATCHED_MS = 1000;

/** Clock ticks in a second, as the kernel counts processor time (proc(5), stat). */
const TICKS = 100;

/**
 * This program has reached a stage. Its name becomes the title of the process, which costs a few bytes of memory and can
 * be read without the program's help. @param name at most 80 characters: the system gives a title no more room than the
 * arguments have
 */
export function stage(name: string): void {
  process.title = `${name}, since ${process.uptime().toFixed(1)} s`;
}

interface ThreadState {
  readonly text: string;
  /** Processor time in all. */
  readonly seconds: number;
}

/** Describes a running process and its threads in several lines; an empty text where the system does not say. */
export async function standingOf(pid: number): Promise<string> {
  const before = threadsOf(pid);
  if (before.size === 0) {
    return '';
  }
  await sleep(WATCHED_MS);
  const threads = [...threadsOf(pid)].map(([id, { text, seconds }]) => {
    const share = (100 * (seconds - (before.get(id)?.seconds ?? 0))) / (WATCHED_MS / 1000);
    return `  thread ${id} ${text}; ${seconds.toFixed(2)} s of processor time, and ${share.toFixed(0)} % now`;
  });
  const title = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  const load = loadavg().map((value) => value.toFixed(1));
  return [`It stood at: ${title}`, `The load of the machine: ${load.join(', ')}`, ...threads, ''].join('\n');
}

function threadsOf(pid: number): Map<string, ThreadState> {
  let ids: readonly string[] = [];
  try {
    ids = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended, or the system has no such files.
  }
  return new Map(ids.map((id) => [id, stateOf(`/proc/${pid}/task/${id}`)]));
}

function stateOf(folder: string): ThreadState {
  const [, name = '?', fields = ''] = /\((.*)\) (.*)/s.exec(read(`${folder}/stat`)) ?? [];
  const words = fields.split(' ');
  const seconds = (Number(words[11]) + Number(words[12])) / TICKS;
  const call = read(`${folder}/syscall`).split(' ').slice(0, 4).join(' ');
  return { text: `${name}: ${words[0]}, waits in ${read(`${folder}/wchan`)}, system call ${call}`, seconds };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '?';
  }
}
