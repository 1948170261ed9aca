/** Where one check runs in one mode: it starts programs and tools, and ends all of them afterwards. */

import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Running, type RunningOptions } from './running.js';

/** The processes that have the preload: none, all, or only the servers or the clients that run on Node. */
export type Mode = 'stock' | 'preload' | 'servers' | 'clients';

/** Values that must be the same in each mode. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

export interface Setup {
  /** The folder of the programs, with their packages. */
  readonly programs: string;
  /** NODE_OPTIONS that load the preload. */
  readonly nodeOptions: string;
}

export interface Server {
  readonly port: number;
  readonly url: string;
  readonly running: Running;
}

export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly nodeArgs?: readonly string[];
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Put before Node: a limit of descriptors. */
  readonly before?: readonly string[];
}

const SERVER_LIFE_MS = 600_000;
const FILE_BLOCK_BYTES = 1 << 20;

/** The folders of checks that run now: they are removed when this process exits before them. */
const folders = new Set<string>();

process.once('exit', () => {
  for (const folder of folders) {
    removeFolder(folder);
  }
});

export class Stage {
  readonly mode: Mode;
  /** A temporary folder. */
  readonly folder: string;
  /** Values that are shown, and not compared. */
  readonly figures = new Map<string, number>();
  readonly #setup: Setup;
  readonly #running: Running[] = [];
  #isClosed = false;

  constructor(mode: Mode, setup: Setup) {
    this.mode = mode;
    this.#setup = setup;
    this.folder = mkdtempSync(join(tmpdir(), 'overlapped-unchanged-'));
    folders.add(this.folder);
  }

  /** Starts a server on Node, and waits until it has printed its port. */
  async serve(program: string, parameters: readonly string[] = [], options: ProgramOptions = {}): Promise<Server> {
    const running = this.#node('servers', program, parameters, { timeoutMs: SERVER_LIFE_MS, ...options });
    const [, port] = await running.says(/^listening on (\d+)$/m);
    return { port: Number(port), url: `http://127.0.0.1:${port}`, running };
  }

  /** Runs a client on Node to its end, and returns the JSON in its last line. */
  async run(program: string, parameters: readonly string[] = [], options: ProgramOptions = {}): Promise<Facts> {
    const { exitCode, stdout, stderr } = await this.#node('clients', program, parameters, options).ended;
    assert.equal(exitCode, 0, `${program} ended with ${exitCode}: ${stdout}${stderr}`);
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  }

  /** Runs Node with other arguments, as clients run. */
  async node(nodeArgs: readonly string[], options: RunningOptions = {}): Promise<ToolResult> {
    return this.start(process.execPath, nodeArgs, { ...options, env: this.#environment('clients', options.env) }).ended;
  }

  /** Runs a program of the system to its end, which must be one of `exitCodes`. */
  async tool(
    command: string,
    parameters: readonly string[],
    { exitCodes = [0], ...options }: RunningOptions & { readonly exitCodes?: readonly number[] } = {},
  ): Promise<ToolResult> {
    const ended = await this.start(command, parameters, options).ended;
    const output = `${ended.stdout}${ended.stderr}`.slice(-2000);
    assert(exitCodes.includes(ended.exitCode), `${command} ended with ${ended.exitCode}: ${output}`);
    return ended;
  }

  /** Starts a program of the system; it ends with the check. */
  start(command: string, parameters: readonly string[], options: RunningOptions = {}): Running {
    assert(!this.#isClosed);
    const running = new Running(command, parameters, options);
    this.#running.push(running);
    return running;
  }

  /** Writes a file of random bytes. */
  randomFile(name: string, bytes: number): string {
    const path = join(this.folder, name);
    const block = Buffer.alloc(FILE_BLOCK_BYTES);
    for (let written = 0; written < bytes; written += FILE_BLOCK_BYTES) {
      randomFillSync(block);
      writeFileSync(path, block.subarray(0, Math.min(FILE_BLOCK_BYTES, bytes - written)), { flag: 'a' });
    }
    return path;
  }

  get programs(): string {
    return this.#setup.programs;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // Backwards: clients before their servers.
    for (const running of this.#running.splice(0).reverse()) {
      await running.end();
    }
    removeFolder(this.folder);
    folders.delete(this.folder);
  }

  #node(role: 'servers' | 'clients', program: string, parameters: readonly string[], options: ProgramOptions): Running {
    const { nodeArgs = [], before = [], env, ...rest } = options;
    const words = [...before, process.execPath, ...nodeArgs, join(this.#setup.programs, program), ...parameters];
    const [command, ...others] = words as [string, ...string[]];
    return this.start(command, others, { ...rest, cwd: this.#setup.programs, env: this.#environment(role, env) });
  }

  #environment(role: 'servers' | 'clients', env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const hasPreload = this.mode === 'preload' || this.mode === role;
    return { ...inherited, NODE_OPTIONS: hasPreload ? this.#setup.nodeOptions : '', ...env };
  }
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
  }
  return hash.digest('hex');
}
