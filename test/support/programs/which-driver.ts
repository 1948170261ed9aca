/**
 * Prints which driver `auto` takes, that it works, what it leaves open, and the error of asking for io_uring by name.
 * With the argument `first` no port is opened before.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { CompletionPort, OperationError } from 'overlapped/port';
import { echoOnce } from '../echo-once.js';

function byName(): { code: string; message: string } | undefined {
  try {
    CompletionPort.create({ driver: 'io_uring' }).close();
    return undefined;
  } catch (error) {
    if (error instanceof OperationError) {
      return { code: error.code, message: error.message };
    }
    throw error;
  }
}

/** Descriptors and mapped rings of this process. */
function open(): number {
  const rings = readFileSync('/proc/self/maps', 'utf8').split('anon_inode:[io_uring]').length - 1;
  return readdirSync('/proc/self/fd').length + rings;
}

/** Everything that three ports leave open. */
function leakedByThree(): number {
  // Resources for the thread's life are open from the first port on.
  CompletionPort.create().close();
  const before = open();
  const ports = [1, 2, 3].map(() => CompletionPort.create());
  ports.forEach((each) => each.close());
  return open() - before;
}

// The system takes a while to count the memory of a ring that was closed as free.
const leaked = process.argv[2] === 'first' ? 0 : leakedByThree();
const { port, echoed } = await echoOnce('auto');
const { driver, features, skippedDrivers } = port;
console.log(JSON.stringify({ auto: { driver, features, skippedDrivers, echoed, leaked }, named: byName() }));
