/** A program that runs while this one does other work. Its output is shown later, as it would have been without that. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FollowedFile } from './followed-file.js';
import { exitCodeOf, ROOT } from './tools.js';

/** How often its output is read, in ms. */
const FOLLOW_MS = 100;

export class HiddenRun {
  #folder = mkdtempSync(join(tmpdir(), 'overlapped-run-'));
  /** A file, because this process reads no pipe while it waits for another program. */
  #output = new FollowedFile(join(this.#folder, 'output'), process.stdout);
  #ended;
  #isOver = false;

  /**
   * @param {string} command
   * @param {readonly string[]} args
   */
  constructor(command, args) {
    const { descriptor } = this.#output;
    // Killed with this process, also if that cannot do it any more.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
      cwd: ROOT,
      stdio: ['ignore', descriptor, descriptor],
    });
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject).once('exit', (code, signal) => resolve(exitCodeOf(code, signal)));
    });
    const over = () => {
      this.#isOver = true;
    };
    // An error is reported to the caller of `end`.
    this.#ended.then(over, over);
  }

  /** Shows its output so far, and from now on as it grows. Resolves to its exit code. */
  async end() {
    try {
      while (!this.#isOver) {
        this.#output.follow();
        await sleep(FOLLOW_MS);
      }
      this.#output.follow();
      return await this.#ended;
    } finally {
      this.#output.close();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}
