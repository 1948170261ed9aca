/** Node's own http and tls over `overlapped/net`, each in a process that has loaded neither before. */

import assert from 'node:assert/strict';
import type { SystemDriverName } from 'overlapped/port';
import { Child, programPath } from '../support/child.js';
import { alone } from './pair.js';

async function succeeds(driver: SystemDriverName, mode: string): Promise<void> {
  const { exitCode, stdout, stderr } = await new Child(programPath('net-moved'), [driver, mode]).ended;
  assert.equal(exitCode, 0, `${stdout}${stderr}`);
  assert.match(stdout, /done\n$/);
}

export function programs(driver: SystemDriverName): void {
  alone('an http server answers many requests of one connection, and with a body of 5 MB', () =>
    succeeds(driver, 'requests'),
  );
  alone('an http client whose server answers early uses its connection again', () => succeeds(driver, 'early'));
  alone('an http server closes idle connections, and those that send headers slowly', () => succeeds(driver, 'limits'));
  alone('an http server sends its 400 before it destroys the connection', () => succeeds(driver, 'refusal'));
  alone('a body, bytes after an upgrade, and a wrong request stay as they were', () => succeeds(driver, 'kept'));
  alone('an answer leaves before process.exit', () => succeeds(driver, 'exits'));
  alone('tls runs over sockets, accepted and connected', () => succeeds(driver, 'tls'));
  alone('a process ends when nothing is open, and stays while a server listens', () => succeeds(driver, 'life'));
}
