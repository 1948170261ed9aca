/** Looking again for a moment: worth it for as long as something mostly comes. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Spin, STAY_MS } from '../../../src/port/running/spin.js';

describe('spinning before a wait', () => {
  it('lasts until an event has arrived', () => {
    const spin = new Spin(1000);
    let looks = 0;
    assert.equal(
      spin.wait(() => ++looks === 3),
      true,
    );
    assert.equal(looks, 3);
    assert.equal(spin.active, false);
  });

  it('ends if nothing arrives, and is then tried only rarely', () => {
    const spin = new Spin(STAY_MS);
    const tries = 1000;
    let looked = 0;
    for (let index = 0; index < tries; index++) {
      let looks = 0;
      assert.equal(
        spin.wait(() => ++looks < 0),
        false,
      );
      looked += looks > 0 ? 1 : 0;
    }
    assert.ok(looked >= 2 && looked < tries / 20, `${looked} tries of ${tries}`);
  });

  it('resumes when a trial succeeds', () => {
    const spin = new Spin(STAY_MS);
    for (let index = 0; index < 500; index++) {
      spin.wait(() => false);
    }
    let succeeded = 0;
    for (let index = 0; index < 500; index++) {
      succeeded += spin.wait(() => true) ? 1 : 0;
    }
    assert.ok(succeeded > 200, `${succeeded} of 500`);
  });
});
