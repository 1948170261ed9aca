/** Programs that serve https and wss, under curl and `ws`. The clients verify the certificate. */

import assert from 'node:assert/strict';
import type { Check } from '../check.js';
import { certificate } from '../services.js';
import type { Facts, Stage } from '../stage.js';

const CLIENTS = 20;
const MESSAGES = 208;
const BODY = 'x'.repeat(300_000);
/** The exit code of curl for a server that it cannot verify. */
const UNTRUSTED = 60;

type Curl = (...words: string[]) => Promise<string>;

/** Starts a program, and returns its address and a curl that trusts it, whose input is BODY. */
async function served(stage: Stage, program: string): Promise<{ readonly url: string; readonly curl: Curl }> {
  const { cert, key } = await certificate(stage);
  const { port } = await stage.serve(program, [], { env: { CERT: cert, KEY: key } });
  const always = ['--silent', '--max-time', '30', '--cacert', cert, '-H', 'Content-Type: application/octet-stream'];
  const curl: Curl = async (...words) => (await stage.tool('curl', [...always, ...words], { input: BODY })).stdout;
  return { url: `https://127.0.0.1:${port}`, curl };
}

/** Two requests on one connection, and a client that does not trust the server. */
async function basics(stage: Stage, url: string, curl: Curl): Promise<Facts> {
  const stranger = await stage.tool('curl', ['--silent', '--max-time', '30', url], { exitCodes: [UNTRUSTED] });
  const twice = await curl('-w', ' %{http_code} %{num_connects}\n', `${url}/`, `${url}/`);
  return { stranger: stranger.exitCode, twice };
}

async function expressAndWs(stage: Stage): Promise<Facts> {
  const { url, curl } = await served(stage, 'secure-app.js');
  const relayed = await curl('-D', '-', '--data-binary', '@-', `${url}/relay`);
  assert(relayed.endsWith(`\r\n\r\n${BODY}`));
  return { ...(await basics(stage, url, curl)), code: /^x-close-code: (\d+)/im.exec(relayed)?.[1] ?? '' };
}

async function fastify(stage: Stage): Promise<Facts> {
  const { url, curl } = await served(stage, 'fastify-app.js');
  assert.equal(await curl('--data-binary', '@-', `${url}/echo`), BODY);
  return {
    ...(await basics(stage, url, curl)),
    slow: await curl('--no-buffer', `${url}/trickle`),
    fails: await curl('-w', ' %{http_code}', `${url}/fails`),
  };
}

async function webSocket(stage: Stage): Promise<Facts> {
  const { cert, key } = await certificate(stage);
  const { port } = await stage.serve('ws-server.js', [], { env: { CERT: cert, KEY: key, DEFLATE: 'off' } });
  const facts = await stage.run('ws-client.js', [`wss://127.0.0.1:${port}`, String(CLIENTS)], { env: { CA: cert } });
  assert.equal(facts.echoed, CLIENTS * MESSAGES);
  assert.equal(facts.closed, CLIENTS);
  return facts;
}

export const SECURE_CHECKS: readonly Check[] = [
  { name: 'express and ws/https, wss', level: 'quick', tools: ['curl', 'openssl'], run: expressAndWs },
  { name: 'fastify/https', level: 'whole', tools: ['curl', 'openssl'], run: fastify },
  { name: 'ws/20 clients, wss', level: 'whole', tools: ['openssl'], isMixed: true, run: webSocket },
];
