/** The quick checks of unchanged programs, with `overlapped/register` and without it. `npm run test:unchanged` runs more. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { runCheck } from './check.js';
import { CHECKS } from './checks/index.js';
import { installPrograms } from './packages.js';

/** As programs load it: the bundle. */
const PRELOAD = new URL('../../lib/register.js', import.meta.url);
const MODES = ['stock', 'preload'] as const;
const TIMEOUT_MS = 180_000;

describe('unchanged programs', { skip: !existsSync(PRELOAD) && 'the package has no overlapped/register' }, () => {
  let programs = '';
  before(() => {
    programs = installPrograms();
  });

  for (const check of CHECKS.filter(({ level }) => level === 'quick')) {
    test(check.name, { timeout: TIMEOUT_MS }, async (context) => {
      const setup = { programs, nodeOptions: `--import=${PRELOAD}` };
      const { verdict, reasons } = await runCheck(check, setup, MODES);
      if (verdict === 'skipped') {
        context.skip(`systemTools: ${reasons.join()}`);
      } else {
        assert.deepEqual(reasons, []);
      }
    });
  }
});
