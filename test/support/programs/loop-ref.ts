/**
 * A started port, referenced or not. Arguments: options of the port (JSON), the methods to call on it one after
 * another, and whether the process must stay alive. If it does, an unreferenced timer ends it and prints so.
 */

import { LoopEcho } from '../loop-echo.js';
import { parseProgramOptions } from '../program-options.js';

const echo = new LoopEcho(parseProgramOptions(process.argv[2] as string).options).start();
const calls = (process.argv[3] as string).split(' ') as ('ref' | 'unref' | 'close' | 'stop')[];
const lives = process.argv[4] === 'true';
let said = false;

function say(what: string): void {
  if (!said) {
    said = true;
    console.log(what);
  }
}

// Once the loop has found its way to the port, not before: both ways of being watched are tried.
setTimeout(() => {
  for (const call of calls) {
    echo.port[call]();
  }
  setTimeout(
    () => {
      say('alive');
      echo.port.close();
    },
    lives ? 700 : 5000,
  ).unref();
}, 100);
process.on('exit', () => say('ended'));
