/** A process that runs a share of the tests of Windows in a prefix of Wine's; several work side by side. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './tools.js';

const SCRIPT = join(ROOT, 'scripts/windows-share.js');

export class WindowsRunner {
  /** The results of its runs, each with its name; of one that did not come to an end, that it failed. */
  ended;
  #child;
  #shown = false;
  /** What it wrote before it was shown. */
  #chunks = [];

  /** `share` has the files of each run by its name, and the arguments for Node's test runner. */
  constructor(prefix, share) {
    // Killed with this process, also where that cannot do it any more.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, SCRIPT], {
      cwd: ROOT,
      env: { ...process.env, OVERLAPPED_WINE_PREFIX: prefix },
      // So that a terminal's Ctrl-C comes once, and from here.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const name of ['stdout', 'stderr']) {
      this.#child[name].on('data', (chunk) => this.#take(process[name], chunk));
    }
    this.ended = this.#resultsOf(share);
    this.#child.send(share);
  }

  async #resultsOf({ wine, windows }) {
    const results = [];
    this.#child.on('message', (result) => results.push(result));
    const exitCode = await new Promise((resolve, reject) => {
      this.#child.once('error', reject).once('close', (code) => resolve(code));
    });
    for (const [name, files] of Object.entries({ wine, windows })) {
      if (files.length > 0 && !results.some((result) => result.name === name)) {
        results.push({ name, passed: 0, failed: 0, skipped: 0, exitCode: exitCode || 1 });
      }
    }
    return results;
  }

  #take(sink, chunk) {
    if (this.#shown) {
      sink.write(chunk);
    } else {
      this.#chunks.push([sink, chunk]);
    }
  }

  /** Writes what it has written so far, and from now on each piece as it comes. */
  show() {
    this.#shown = true;
    for (const [sink, chunk] of this.#chunks.splice(0)) {
      sink.write(chunk);
    }
  }

  /** Sends a signal to it and what it runs. */
  kill(signal) {
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
