/** slowhttptest: connections that send slowly are cut by http's time limits, and others are answered meanwhile. */

import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import type { Check } from '../check.js';
import { found } from '../services.js';
import type { Facts, Stage } from '../stage.js';

const CONNECTIONS = 300;
const SECONDS = 10;
/** Both limits end before the attack. */
const LIMITS = { HEADERS_TIMEOUT_MS: '2000', REQUEST_TIMEOUT_MS: '3000', CHECK_MS: '200' };

const ATTACKS = {
  'slow headers': ['-H', '-x', '10'],
  'slow bodies': ['-B', '-s', '8192', '-x', '10'],
  ranges: ['-R', '-a', '1', '-b', '1000'],
} as const;

async function attack(stage: Stage, words: readonly string[]): Promise<Facts> {
  const { url } = await stage.serve('http-app.js', [], { env: LIMITS });
  const settings = ['-c', CONNECTIONS, '-r', CONNECTIONS, '-i', 1, '-l', SECONDS, '-p', 2, '-u', `${url}/upload`].map(
    String,
  );
  const attacker = stage.start(found('slowhttptest'), [...words, ...settings], { cwd: stage.folder });
  // The report is repeated every few seconds, with colours.
  await attacker.says(/connected:/);
  const answered = await stage.tool('curl', ['--silent', '--max-time', '5', `${url}/`]);
  const { stdout, stderr } = await attacker.ended;
  const output = stripVTControlCharacters(`${stdout}${stderr}`);
  const last = (name: string): string =>
    [...output.matchAll(new RegExp(`^${name}:\\s+(\\S+)`, 'gm'))].at(-1)?.[1] ?? '';
  assert.equal(answered.stdout, 'hello');
  // How many are left when it reports depends on its time.
  stage.figures.set('connected', Number(last('connected')));
  stage.figures.set('closed', Number(last('closed')));
  const after = await stage.tool('curl', ['--silent', '--max-time', '5', `${url}/`]);
  return {
    answered: after.stdout,
    error: last('error'),
    available: last('service available'),
    unavailable: /service available:\s+NO/.test(output),
    ending: /^Exit status: (.*)$/m.exec(output)?.[1] ?? /^(?:Hit|No open).*$/m.exec(output)?.[0] ?? '',
  };
}

export const ATTACK_CHECKS: readonly Check[] = Object.entries(ATTACKS).map(([name, words]) => ({
  name: `http/slowhttptest, ${name}`,
  level: 'whole',
  tools: ['slowhttptest', 'curl'],
  timeoutMs: 90_000,
  run: (stage) => attack(stage, words),
}));
