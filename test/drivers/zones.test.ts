/** Zones of link-local addresses: written by the interface's name as node:net does, accepted by name and by number. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { runProgram } from '../support/child.js';
import { system } from '../support/system.js';

const ADDRESS = 'fe80::5';

/** Runs the arguments after it where the loopback interface has a link-local address. */
const SETUP = `ip link set lo up && ip addr add ${ADDRESS}/64 dev lo nodad && exec "$@"`;
const NAMESPACES = ['--net', '--net --map-root-user'].map((flags) => [
  'unshare',
  ...flags.split(' '),
  'sh',
  '-c',
  SETUP,
  'sh',
]);

const namespace = NAMESPACES.find(([command = '', ...args]) => spawnSync(command, [...args, 'true']).status === 0);
const skip =
  namespace === undefined ? 'this system lets tests make no network namespace with a link-local address' : false;

for (const driver of system.drivers) {
  test(`a zone is its interface's name with ${driver}`, { skip, timeout: 60_000 }, async () => {
    const { stdout, stderr } = await runProgram('zones', [driver, ADDRESS], { before: namespace ?? [] });
    assert.equal(stderr, '');
    const zoned = `${ADDRESS}%lo`;
    const { unknown, ...report } = JSON.parse(stdout);
    assert.deepEqual(report, {
      node: zoned,
      byName: zoned,
      byNumber: zoned,
      accepted: [zoned, zoned, zoned],
      listening: zoned,
    });
    for (const message of unknown) {
      assert.match(message, /^EINVAL: .*No such network interface: fe80::5%(?:nosuch0|4242)/);
    }
  });
}
