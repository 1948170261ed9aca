/** HTTP servers under curl: what a browser and a proxy do, and large bodies both ways. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Check } from '../check.js';
import { certificate } from '../services.js';
import { type Facts, type Server, type Stage, sha256Of } from '../stage.js';

const MIB = 1 << 20;
const SIZES = { quick: 8 * MIB, whole: 200 * MIB } as const;
const LIMIT_RATE = { quick: '16M', whole: '100M' } as const;

const curl = async (stage: Stage, ...parameters: string[]): Promise<string> => {
  return (await stage.tool('curl', ['--silent', '--show-error', '--max-time', '60', ...parameters])).stdout;
};

/** The program answers these paths; fastify and express have more. */
async function basics(stage: Stage, { url }: Server): Promise<Facts> {
  const head = await curl(stage, '-I', `${url}/json`);
  const twice = await curl(stage, '-w', ' %{num_connects}\n', `${url}/`, `${url}/`);
  const old = await curl(stage, '--http1.0', '-i', `${url}/`);
  const slow = await curl(stage, '--no-buffer', `${url}/trickle`);
  const echo = await curl(stage, '--data-binary', 'some bytes', `${url}/echo`);
  const json: unknown = JSON.parse(await curl(stage, `${url}/json`));
  assert.equal(echo, 'some bytes');
  assert.equal(slow.split('\n').length, 11);
  return {
    head: withoutDates(head),
    twice,
    old: withoutDates(old),
    slow,
    json: JSON.stringify(json).length,
    missing: await curl(stage, '-o', '/dev/null', '-w', '%{http_code}', `${url}/missing`),
    close: await curl(stage, '-H', 'Connection: close', '-i', '-o', '/dev/null', '-w', '%{http_code}', `${url}/`),
  };
}

async function errors(stage: Stage, { url }: Server): Promise<Facts> {
  const status = ['-o', '/dev/null', '-w', '%{http_code}'];
  const type = ['-H', 'Content-Type: application/json'];
  return {
    sum: await curl(stage, ...type, '-d', '{"numbers": [1, 2, 39]}', `${url}/sum`),
    malformed: await curl(stage, ...status, ...type, '-d', '{"numbers"', `${url}/sum`),
    fails: await curl(stage, ...status, `${url}/fails`),
  };
}

/** Uploads with `Expect`, chunked and at a limited rate, and downloads: each with the hash of what arrived. */
async function bodies(
  stage: Stage,
  program: string,
  level: 'quick' | 'whole',
  env = {},
  scheme = 'http',
): Promise<Facts> {
  const bytes = SIZES[level];
  const file = stage.randomFile('sent', bytes);
  const expected = await sha256Of(file);
  const { port, running } = await stage.serve(program, [], { env: { FILE: file, ...env } });
  const url = `${scheme}://127.0.0.1:${port}`;
  const quietly = ['--insecure', '--max-time', '120', '-H', 'Content-Type: application/octet-stream'];
  const before = running.cpuSeconds();
  const uploads: Record<string, readonly string[]> = {
    expect: ['-H', 'Expect: 100-continue', '-T', file],
    chunked: ['-H', 'Transfer-Encoding: chunked', '-T', file],
    limited: ['--limit-rate', LIMIT_RATE[level], '-T', file],
  };
  const facts: Record<string, string> = {};
  for (const [name, words] of Object.entries(uploads)) {
    const answer = await curl(stage, ...quietly, ...words, `${url}/upload`);
    assert.equal(JSON.parse(answer).sha256, expected, name);
    facts[name] = answer.replace(expected, 'equal');
  }
  for (const [name, words] of Object.entries({ plain: [], limited: ['--limit-rate', LIMIT_RATE[level]] })) {
    const received = join(stage.folder, `received-${name}`);
    await curl(stage, ...quietly, ...words, '-o', received, `${url}/download`);
    assert.equal(await sha256Of(received), expected, `download, ${name}`);
    facts[`download ${name}`] = 'equal';
  }
  stage.figures.set('CPU ms a MiB', ((running.cpuSeconds() - before) * 1000) / (bytes / MIB) / 5);
  return facts;
}

async function tls(stage: Stage, level: 'quick' | 'whole'): Promise<Facts> {
  const { cert, key } = await certificate(stage);
  const facts = await bodies(stage, 'https-app.js', level, { CERT: cert, KEY: key }, 'https');
  const { port } = await stage.serve('https-app.js', [], { env: { CERT: cert, KEY: key } });
  const verified = await curl(stage, '--cacert', cert, `https://127.0.0.1:${port}/`);
  return { ...facts, verified };
}

async function http2(stage: Stage): Promise<Facts> {
  const { cert, key } = await certificate(stage);
  const plain = await stage.serve('http2-app.js');
  const secure = await stage.serve('http2-app.js', [], { env: { CERT: cert, KEY: key } });
  const file = stage.randomFile('sent', SIZES.quick);
  const received = join(stage.folder, 'received');
  const facts: Record<string, string> = {};
  for (const [name, words] of Object.entries({
    plain: ['--http2-prior-knowledge', `http://127.0.0.1:${plain.port}`],
    secure: ['--http2', '--cacert', cert, `https://127.0.0.1:${secure.port}`],
    'secure http1': ['--http1.1', '--cacert', cert, `https://127.0.0.1:${secure.port}`],
  })) {
    const [options, url] = [words.slice(0, -1), words.at(-1)];
    facts[name] = await curl(stage, ...options, '-w', ' %{http_version} %{http_code}', `${url}/`);
    await curl(stage, ...options, '-X', 'POST', '--data-binary', `@${file}`, '-o', received, `${url}/echo`);
    assert.equal(await sha256Of(received), await sha256Of(file), name);
  }
  return facts;
}

function withoutDates(head: string): string {
  return head.replace(/^(?:date|etag|last-modified):.*\r\n/gim, '');
}

const APPS = ['http', 'express', 'fastify'] as const;

export const HTTP_CHECKS: readonly Check[] = [
  ...APPS.map((app): Check => {
    const run = async (stage: Stage): Promise<Facts> => {
      const server = await stage.serve(`${app}-app.js`);
      return { ...(await basics(stage, server)), ...(app === 'http' ? {} : await errors(stage, server)) };
    };
    return { name: `${app}/curl`, level: 'quick', tools: ['curl'], run };
  }),
  ...APPS.flatMap((app) =>
    (['quick', 'whole'] as const).map((level): Check => {
      const name = `${app}/bodies of ${SIZES[level] / MIB} MiB`;
      const run = (stage: Stage): Promise<Facts> => bodies(stage, `${app}-app.js`, level);
      return { name, level, tools: ['curl'], timeoutMs: 180_000, run };
    }),
  ),
  { name: 'https/bodies of 8 MiB', level: 'quick', tools: ['curl', 'openssl'], run: (stage) => tls(stage, 'quick') },
  {
    name: 'https/bodies of 200 MiB',
    level: 'whole',
    tools: ['curl', 'openssl'],
    timeoutMs: 180_000,
    run: (stage) => tls(stage, 'whole'),
  },
  { name: 'http2/curl', level: 'quick', tools: ['curl', 'openssl'], run: http2 },
];
