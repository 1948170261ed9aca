/** A program whose Wine has crashed ends, although no thread of it will ever hear from Wine's server. */

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
  // What another test lost stays known.
  assert.ok(before || wasLost());
});
