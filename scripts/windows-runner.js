/** A process that runs a shard of the tests of Windows in one of Wine's prefixes; several run at the same time. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './tools.js';

/** @import { Counts } from './suite.js' */
/** @typedef {{ wine: string[], windows: string[], args: string[] }} Shard */
/** @typedef {Counts & { name: string, failedFiles: string[], seconds: Record<string, number> }} NamedResult */

const SCRIPT = join(ROOT, 'scripts/windows-shard.js');

export class WindowsRunner {
  /** The results of its runs, each with its name. A run that did not come to an end has failed. */
  ended;
  #child;
  #shown = false;
  /** Its output until it is shown. @type {[NodeJS.WritableStream, Buffer][]} */
  #chunks = [];

  /**
   * `shard` has the files of each run by its name, and the arguments for Node and its test runner.
   * @param {string} prefix
   * @param {Shard} shard
   */
  constructor(prefix, shard) {
    // Killed with this process, also if that cannot do it any more.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, SCRIPT], {
      cwd: ROOT,
      env: { ...process.env, OVERLAPPED_WINE_PREFIX: prefix },
      // So that a terminal's Ctrl-C arrives once, and from here.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
      this.#child[name]?.on('data', (chunk) => this.#write(process[name], chunk));
    }
    this.ended = this.#resultsOf(shard);
    this.#child.send(shard);
  }

  /** @param {Shard} shard */
  async #resultsOf({ wine, windows }) {
    /** @type {NamedResult[]} */
    const results = [];
    this.#child.on('message', (result) => results.push(/** @type {NamedResult} */ (result)));
    const exitCode = await new Promise((resolve, reject) => {
      this.#child.once('error', reject).once('close', (code) => resolve(code));
    });
    for (const [name, files] of Object.entries({ wine, windows })) {
      if (files.length > 0 && !results.some((result) => result.name === name)) {
        const none = { passed: 0, failed: 0, skipped: 0, failures: [], failedFiles: [], seconds: {} };
        results.push({ ...none, name, exitCode: exitCode || 1 });
      }
    }
    return results;
  }

  /**
   * @param {NodeJS.WritableStream} sink
   * @param {Buffer} chunk
   */
  #write(sink, chunk) {
    if (this.#shown) {
      sink.write(chunk);
    } else {
      this.#chunks.push([sink, chunk]);
    }
  }

  /** Writes its output so far, and from now on each chunk as it arrives. */
  show() {
    this.#shown = true;
    for (const [sink, chunk] of this.#chunks.splice(0)) {
      sink.write(chunk);
    }
  }

  /**
   * Sends a signal to it and all that it runs.
   * @param {NodeJS.Signals} signal
   */
  kill(signal) {
    try {
      process.kill(-(/** @type {number} */ (this.#child.pid)), signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
