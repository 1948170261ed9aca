/** Programs that use Node itself: worker threads, clusters, pipes, a proxy, TypeScript. */

import assert from 'node:assert/strict';
import type { Check } from '../check.js';
import type { Facts, Server, Stage } from '../stage.js';

const REQUESTS = 40;

const get = async (stage: Stage, url: string): Promise<string> => {
  return (await stage.tool('curl', ['--silent', '--show-error', '--max-time', '30', url])).stdout;
};

async function hellos(stage: Stage, { url }: Server): Promise<Facts> {
  const urls = Array.from({ length: REQUESTS }, () => `${url}/`);
  const { stdout } = await stage.tool('curl', ['--silent', '--max-time', '30', '-H', 'Connection: close', ...urls]);
  const answered = stdout.match(/hello/g)?.length ?? 0;
  assert.equal(answered, REQUESTS);
  return { answered };
}

/** A proxy in front of an HTTP server: a body both ways, and a server that has gone. */
async function proxied(stage: Stage): Promise<Facts> {
  const server = await stage.serve('http-app.js');
  const proxy = await stage.serve('proxy.js', [String(server.port)]);
  const body = 'x'.repeat(3_000_000);
  const words = ['--silent', '--max-time', '30', '--data-binary', '@-', `${proxy.url}/echo`];
  const { stdout } = await stage.tool('curl', words, { input: body });
  assert.equal(stdout, body);
  const facts = await hellos(stage, proxy);
  await server.running.end();
  // An end without an answer, or a reset if the proxy had not read the request.
  await stage.tool('curl', ['--silent', '--max-time', '5', `${proxy.url}/`], { exitCodes: [52, 56] });
  return facts;
}

async function typescript(stage: Stage): Promise<Facts> {
  const server = await stage.serve('typescript-app.ts', [], { nodeArgs: ['--import', 'tsx'] });
  return { hello: await get(stage, server.url), ...(await hellos(stage, server)) };
}

/** Bodies both ways in one process, with equal hashes: by fetch, by http, and by a socket. */
async function largeBodies(stage: Stage, bytes: number): Promise<Facts> {
  const facts = await stage.run('large-bodies.js', [String(bytes)]);
  assert.deepEqual(facts, { fetch: true, http: true, socket: true, bytes });
  return facts;
}

const served = (program: string) => async (stage: Stage) => hellos(stage, await stage.serve(program));

export const NODE_CHECKS: readonly Check[] = [
  { name: 'node/worker thread', level: 'quick', tools: ['curl'], run: served('threads-app.js') },
  { name: 'node/cluster', level: 'quick', tools: ['curl'], run: served('cluster-app.js') },
  { name: 'node/pipes', level: 'quick', run: (stage) => stage.run('pipes.cjs', [], { input: 'standard input' }) },
  { name: 'node/proxy', level: 'quick', tools: ['curl'], run: proxied },
  { name: 'node/large bodies of 4 MiB', level: 'quick', run: (stage) => largeBodies(stage, 4 << 20) },
  {
    name: 'node/large bodies of 200 MiB',
    level: 'whole',
    timeoutMs: 120_000,
    run: (stage) => largeBodies(stage, 200 << 20),
  },
  { name: 'tsx/server', level: 'quick', tools: ['curl'], run: typescript },
];
