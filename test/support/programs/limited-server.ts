/**
 * An echo server for a process with few descriptors. Lines on its input make it use up the rest of them, free those
 * again, and print its statistics. Arguments: options of the port (JSON), and `loop`, `run`, or `full`: started when no
 * descriptor is left, when one is, and so on, and at last when there are some, which others take at once.
 */

import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Completion } from 'overlapped/port';
import { LoopEcho } from '../loop-echo.js';

const echo = new LoopEcho(JSON.parse(process.argv[2] as string));
const filled: number[] = [];
/** With this many descriptors a port can be started. */
const LEFT_MAX = 8;

function fill(): void {
  try {
    for (;;) {
      filled.push(openSync('/dev/null', 'r'));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') {
      throw error;
    }
  }
}

function free(): void {
  filled.splice(0).forEach((descriptor) => {
    closeSync(descriptor);
  });
}

/** Starts with only this many descriptors left; returns the result. */
function startWith(left: number): string {
  fill();
  filled.splice(0, left).forEach(closeSync);
  try {
    echo.start();
    echo.port.stop();
    return 'started';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    free();
  }
}

async function startFull(): Promise<void> {
  const starts: string[] = [];
  for (let left = 0; left <= LEFT_MAX; left++) {
    starts.push(startWith(left));
    // libuv closes handles in the next iterations.
    for (let iteration = 0; iteration < 20; iteration++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  console.log(`starts ${JSON.stringify(starts)}`);
  echo.start();
  fill();
}

console.log(`listening ${echo.number}`);
if (process.argv[3] === 'run') {
  echo.port.run((completion: Completion) => echo.handler(completion));
} else {
  if (process.argv[3] === 'full') {
    await startFull();
  } else {
    echo.start();
  }
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'fill') {
      fill();
      console.log(`filled ${filled.length}`);
    } else if (line === 'free') {
      free();
      console.log('freed');
    } else {
      console.log(`statistics ${JSON.stringify({ ...echo.port.statistics(), opened: echo.opened })}`);
    }
  }
  echo.port.close();
}
