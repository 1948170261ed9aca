/** Loads of one suite that wait side by side take turns where they work, by a file that has the number of a process. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The suite starts its loads. */
const FILE = join(tmpdir(), `overlapped-bench-turn-${process.ppid}`);

/** Whether it is this load's turn from now on. A load that has ended in its turn no longer has it. */
export function takesTurn(): boolean {
  try {
    writeFileSync(FILE, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!holderLives()) {
      endTurn();
    }
    return false;
  }
}

export function endTurn(): void {
  rmSync(FILE, { force: true });
}

function holderLives(): boolean {
  try {
    const holder = Number(readFileSync(FILE, 'utf8'));
    // It may not have written its number yet.
    return holder === 0 || process.kill(holder, 0);
  } catch {
    return false;
  }
}
