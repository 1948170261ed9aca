/** Other programs that talk TLS, for tests. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'overlapped-tls-'));
after(() => rmSync(folder, { recursive: true }));

/** A file that exists until the tests are over. @returns its path */
export function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Why a test that needs a program is skipped. */
export function lacks(program: string, option: string): string | false {
  return spawnSync(program, [option]).status === 0 ? false : `${program} is not installed`;
}

/** Runs a program with input, which ends after an echo. @returns its output once it has ended */
export async function run(program: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  const ended = once(child, 'close');
  child.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
    if (output.includes('echo of')) {
      child.stdin.end();
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  // A program that has refused its peer reads nothing.
  child.stdin.on('error', () => undefined);
  child.stdin.write(input);
  await ended;
  return output;
}

/** A port of the loopback address that is free now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface OpenSslServer {
  readonly port: number;
  /** Everything that it has said. */
  output(): string;
  end(): Promise<void>;
}

/** Starts `openssl s_server`, and waits until it listens. */
export async function openSslServer(args: readonly string[]): Promise<OpenSslServer> {
  // The system chooses the port: another test may take one that was free a moment ago.
  const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', ...args]);
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => reject(new Error(`s_server has ended: ${output}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      output += String(chunk);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      output += String(chunk);
      const accepts = /ACCEPT \S+:(\d+)\n/.exec(output);
      if (accepts !== null) {
        resolve(Number(accepts[1]));
      }
    });
  });
  return {
    port,
    output: () => output,
    async end() {
      child.kill();
      await once(child, 'close');
    },
  };
}
