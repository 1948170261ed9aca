/** HTTP servers under load: each request is answered. The rates are shown, and not compared. */

import assert from 'node:assert/strict';
import type { Check } from '../check.js';
import { certificate, found } from '../services.js';
import type { Facts, Server, Stage } from '../stage.js';
import type { Tool } from '../tools.js';

const REQUESTS = 30_000;
const MICROSECONDS = 1e6;
/** For a busy machine: they take seconds. */
const TIMEOUT_MS = 180_000;

/** A load's facts, and how many requests it made. */
type Load = (stage: Stage, server: Server) => Promise<readonly [requests: number, facts: Facts]>;

const numberIn = (text: string, pattern: RegExp): number => {
  const [, number] = pattern.exec(text) ?? [];
  assert(number !== undefined, `${pattern} is not in: ${text.slice(-2000)}`);
  return Number(number);
};

const ab: Load = async (stage, { url }) => {
  const { stdout } = await stage.tool(found('ab'), ['-k', '-q', '-n', String(REQUESTS), '-c', '50', `${url}/`]);
  const complete = numberIn(stdout, /^Complete requests:\s+(\d+)$/m);
  return [
    complete,
    {
      complete,
      failed: numberIn(stdout, /^Failed requests:\s+(\d+)$/m),
      keptAlive: numberIn(stdout, /^Keep-Alive requests:\s+(\d+)$/m),
      others: /Non-2xx/.test(stdout),
      bytes: numberIn(stdout, /^HTML transferred:\s+(\d+) bytes$/m),
    },
  ];
};

/** The status line of h2load's report, for any protocol. */
function h2loadFacts(stdout: string): readonly [number, Facts] {
  const succeeded = numberIn(stdout, /(\d+) succeeded/);
  const facts = {
    succeeded,
    failed: numberIn(stdout, /(\d+) failed/),
    errored: numberIn(stdout, /(\d+) errored/),
    statuses: /^status codes: .*$/m.exec(stdout)?.[0] ?? '',
  };
  return [succeeded, facts];
}

const h2load =
  (...options: string[]): Load =>
  async (stage, { url }) => {
    const words = ['-n', String(REQUESTS), '-c', '50', ...options, `${url}/`];
    return h2loadFacts((await stage.tool(found('h2load'), words)).stdout);
  };

const wrk: Load = async (stage, { url }) => {
  const { stdout } = await stage.tool(found('wrk'), ['-t', '1', '-c', '50', '-d', '4s', '--latency', `${url}/json`]);
  stage.figures.set('p99 ms', toMs(/^\s+99%\s+(\S+)$/m.exec(stdout)?.[1] ?? ''));
  return [numberIn(stdout, /(\d+) requests in/), { errors: wrkErrors(stdout), others: /Non-2xx/.test(stdout) }];
};

/** Without the answers that came late, as on any busy machine. */
function wrkErrors(stdout: string): string {
  const [, errors = ''] = /^\s+Socket errors: (.*), timeout \d+$/m.exec(stdout) ?? [];
  return /[1-9]/.test(errors) ? errors : 'none';
}

function toMs(text: string): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(number) * (unit === 's' ? 1000 : unit === 'us' ? 0.001 : 1);
}

function loadCheck(name: string, tools: readonly Tool[], program: string, load: Load): Check {
  const run = async (stage: Stage): Promise<Facts> => {
    const isSecure = name.includes('TLS');
    const pair = isSecure ? await certificate(stage) : undefined;
    const env = pair === undefined ? {} : { CERT: pair.cert, KEY: pair.key };
    const server = await stage.serve(program, [], { env });
    const url = isSecure ? server.url.replace('http', 'https') : server.url;
    const [cpu, started] = [server.running.cpuSeconds(), performance.now()];
    const [requests, facts] = await load(stage, { ...server, url });
    stage.figures.set('CPU µs a request', ((server.running.cpuSeconds() - cpu) * MICROSECONDS) / requests);
    stage.figures.set('requests/s', (requests * 1000) / (performance.now() - started));
    return facts;
  };
  return { name, level: 'whole', tools, timeoutMs: TIMEOUT_MS, run };
}

async function autocannon(stage: Stage, requests: number): Promise<Facts> {
  const server = await stage.serve('express-app.js');
  return stage.run('autocannon-client.js', [server.url, String(requests)]);
}

export const LOAD_CHECKS: readonly Check[] = [
  ...['http', 'express', 'fastify'].flatMap((app) => [
    loadCheck(`${app}/ab -k`, ['ab'], `${app}-app.js`, ab),
    loadCheck(`${app}/h2load --h1`, ['h2load'], `${app}-app.js`, h2load('--h1')),
    loadCheck(`${app}/wrk`, ['wrk'], `${app}-app.js`, wrk),
  ]),
  loadCheck('https/h2load --h1, TLS', ['h2load', 'openssl'], 'https-app.js', h2load('--h1')),
  loadCheck('http2/h2load', ['h2load'], 'http2-app.js', h2load('-m', '10')),
  loadCheck('http2/h2load, TLS', ['h2load', 'openssl'], 'http2-app.js', h2load('-m', '10')),
  { name: 'autocannon/2,000 requests', level: 'quick', isMixed: true, run: (stage) => autocannon(stage, 2000) },
  {
    name: 'autocannon/30,000 requests',
    level: 'whole',
    isMixed: true,
    timeoutMs: TIMEOUT_MS,
    run: (stage) => autocannon(stage, REQUESTS),
  },
];
