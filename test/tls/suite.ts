/** The tests of TLS, the same on every driver. */

import { describe } from 'node:test';
import type { SystemDriverName } from 'overlapped/port';
import { duplex } from './duplex.js';
import { ending } from './ending.js';
import { isolation } from './isolation.js';
import { refusing } from './refusing.js';
import { talking } from './talking.js';
import { trust } from './trust.js';

export function tlsSuite(driver: SystemDriverName): void {
  describe(`TLS on ${driver}`, () => {
    describe('talking', () => talking(driver));
    describe('ending', () => ending(driver));
    describe('refusing', () => refusing(driver));
    describe('isolation', () => isolation(driver));
    describe('as a socket', () => duplex(driver));
    describe('trust', () => trust(driver));
  });
}
