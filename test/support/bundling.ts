/** A program in one file, by esbuild, and what it prints about what works there. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ofServer } from './certificates.js';
import { ROOT } from './packing.js';

const EXTENSIONS = { esm: '.mjs', cjs: '.cjs' } as const;

export type Format = keyof typeof EXTENSIONS;

/** It echoes in plain text and over TLS, and tries to use threads. */
const PROGRAM = `
import { connect, listen } from 'overlapped';

async function echo(options, clientOptions) {
  const server = await listen({ host: '127.0.0.1', port: 0, data: (connection, chunk) => void connection.write(chunk), ...options });
  const echoed = await new Promise((resolve, reject) => {
    connect({
      host: '127.0.0.1',
      port: server.address.port,
      open: (connection) => void connection.write('ping'),
      data(connection, chunk) {
        resolve(String(chunk));
        connection.end();
      },
      error: (_connection, error) => reject(error),
      ...clientOptions,
    }).catch(reject);
  });
  await server.close();
  return { driver: server.driver, skipped: server.skippedDrivers, echoed };
}

const codeOf = (error) => error.code + ': ' + error.message;

async function main() {
  const plain = await echo({}, {});
  const secure = await echo(
    { tls: { key: process.env.KEY, cert: process.env.CERTIFICATE } },
    { tls: { rejectUnauthorized: false } },
  ).then(({ echoed }) => echoed, codeOf);
  const threads = await listen({ host: '127.0.0.1', port: 0, threads: 2, module: new URL('file:///handlers.mjs') }).then(
    () => 'listening',
    codeOf,
  );
  process.stdout.write(JSON.stringify({ ...plain, secure, threads }));
}

void main();
`;

/** The JSON that the program prints. */
export interface Findings {
  readonly driver: string;
  readonly skipped: readonly string[];
  readonly echoed: string;
  /** The bytes that came back over TLS, or the error. */
  readonly secure: string;
  /** The error of `listen` with threads. */
  readonly threads: string;
}

/** Bundles a program into a folder; returns its file. koffi is never in a bundle: overlapped looks for it when it runs. */
export async function bundleInto(directory: string, format: Format, program = PROGRAM): Promise<string> {
  const outfile = join(directory, `program${EXTENSIONS[format]}`);
  await build({
    absWorkingDir: ROOT,
    stdin: { contents: program, resolveDir: ROOT },
    outfile,
    bundle: true,
    format,
    platform: 'node',
    // The files that programs load, in the place of those that tests load.
    alias: { overlapped: join(ROOT, 'dist/lib/index.js'), 'overlapped/register': join(ROOT, 'dist/lib/register.js') },
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  return outfile;
}

/** Puts koffi and its binaries into a folder, as `npm install koffi` would. */
export function installKoffi(directory: string): void {
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  for (const name of ['koffi', '@koromix']) {
    cpSync(join(ROOT, 'node_modules', name), join(directory, 'node_modules', name), { recursive: true });
  }
}

/** Runs the program, and returns what it has printed. */
export function findingsOf(command: string, args: readonly string[] = []): Findings {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: { ...env, KEY: ofServer.key, CERTIFICATE: ofServer.cert, NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** With koffi beside it, a program runs as it does from the package. */
export function expectSystemDriver({ driver, skipped, echoed, secure }: Findings): void {
  assert.notEqual(driver, 'node', skipped.join(' / '));
  assert.deepEqual([echoed, secure], ['ping', 'ping']);
}

/** Without koffi, it runs on Node's own sockets, and says why. */
export function expectDriverNode({ driver, skipped, echoed, secure }: Findings): void {
  assert.deepEqual([driver, echoed], ['node', 'ping']);
  assert(skipped.length > 0);
  skipped.forEach((reason) => void assert.match(reason, /: koffi is not installed; run npm install koffi$/));
  assert.match(secure, /^ERR_TLS_UNAVAILABLE: .*koffi is not installed; run npm install koffi$/);
}
