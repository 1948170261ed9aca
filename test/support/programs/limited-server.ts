/**
 * An echo server for a process with few descriptors. It is told by lines on its input to use up the rest of them, to
 * free those again, and to say its statistics. Arguments: options of the port (JSON), `loop`, `run`, or `full`: started
 * when no descriptor is left, and again when a few are, which others take at once.
 */

import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Completion } from 'overlapped';
import { LoopEcho } from '../loop-echo.js';

const echo = new LoopEcho(JSON.parse(process.argv[2] as string));
const filled: number[] = [];

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

function startFull(): void {
  fill();
  try {
    echo.start();
    console.log('started');
  } catch (error) {
    console.log(`refused ${(error as NodeJS.ErrnoException).code}`);
  }
  free();
  echo.start();
  fill();
}

console.log(`listening ${echo.number}`);
if (process.argv[3] === 'run') {
  echo.port.run((completion: Completion) => echo.handler(completion));
} else {
  if (process.argv[3] === 'full') {
    startFull();
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
      console.log(`statistics ${JSON.stringify({ ...echo.port.statistics, opened: echo.opened })}`);
    }
  }
  echo.port.close();
}
