/** A program whose Wine has crashed ends, although its threads wait for Wine's server for ever. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killServer, WINE_START_MS, WineChild, wasLost, wineHere } from '../support/wine.js';

test("a program ends with Wine's server", { timeout: WINE_START_MS, skip: wineHere !== true && wineHere }, async () => {
  const before = wasLost();
  const child = new WineChild('bin/overlapped.js', ['echo', '--host', '127.0.0.1', '--port', '0']);
  await child.says(/listening on /);
  killServer();
  const { exitCode, stderr } = await child.ended;
  assert.equal(exitCode, 125);
  assert.match(stderr, /^wine: Wine's server crashed/m);
  // The loss of another test stays recorded.
  assert.ok(before || wasLost());
});
