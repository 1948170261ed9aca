/** Clients of databases against the real ones, and their own tools through a proxy on Node. */

import assert from 'node:assert/strict';
import type { Check } from '../check.js';
import { found, startMariadb, startPostgres, startRedis } from '../services.js';
import type { Facts, Stage } from '../stage.js';

const PIPED_COMMANDS = 100_000;

async function redisClient(stage: Stage, program: string): Promise<Facts> {
  const { port, socket } = await startRedis(stage);
  const tcp = await stage.run(program, [String(port)]);
  const unix = await stage.run(program, [socket]);
  assert.deepEqual(tcp, unix);
  return tcp;
}

/** redis-cli and redis-benchmark against redis-server, through the proxy. */
async function redisTools(stage: Stage): Promise<Facts> {
  const redis = await startRedis(stage);
  const { port } = await stage.serve('proxy.js', [String(redis.port)]);
  const cli = (...words: string[]) => stage.tool(found('redis-cli'), ['-p', String(port), ...words]);
  const benchmark = async (...words: string[]): Promise<string> => {
    const { stdout } = await stage.tool(found('redis-benchmark'), ['-p', String(port), '--csv', ...words]);
    return stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[0])
      .join();
  };
  const commands = Array.from({ length: PIPED_COMMANDS }, (_, index) => `SET key:${index} ${index}\r\n`).join('');
  const piped = await stage.tool(found('redis-cli'), ['-p', String(port), '--pipe'], { input: commands });
  return {
    ping: (await cli('PING')).stdout,
    piped: /^errors: .*$/m.exec(piped.stdout)?.[0] ?? '',
    size: (await cli('DBSIZE')).stdout,
    many: await benchmark('-n', '20000', '-c', '50', '-t', 'set,get,lpush,lrange_100'),
    pipelined: await benchmark('-n', '100000', '-c', '50', '-P', '16', '-t', 'set,get'),
    large: await benchmark('-n', '1000', '-c', '20', '-d', '300000', '-t', 'set,get'),
    unix: (await viaUnixSocket(stage, redis.socket)).stdout,
  };
}

async function viaUnixSocket(stage: Stage, socket: string): Promise<{ stdout: string }> {
  const { port } = await stage.serve('proxy.js', [socket]);
  return stage.tool(found('redis-cli'), ['-p', String(port), 'PING']);
}

async function postgresClient(stage: Stage, program: string): Promise<Facts> {
  const { port } = await startPostgres(stage);
  return stage.run(program, [String(port)]);
}

/** psql and pgbench against PostgreSQL, through the proxy. */
async function postgresTools(stage: Stage): Promise<Facts> {
  const postgres = await startPostgres(stage);
  const { port } = await stage.serve('proxy.js', [String(postgres.port)]);
  const to = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
  const env = { ...process.env, PGSSLMODE: 'require' };
  const rows = await stage.tool(found('psql'), [...to, '-At', '-c', 'SELECT n FROM generate_series(1, 200000) AS n'], {
    env,
  });
  await stage.tool(found('pgbench'), [...to, '-i', '-q', '-s', '2', 'postgres']);
  const { stdout } = await stage.tool(found('pgbench'), [...to, '-c', '8', '-t', '300', 'postgres']);
  return {
    rows: rows.stdout.trim().split('\n').length,
    processed: /actually processed: (\S+)/.exec(stdout)?.[1] ?? '',
    failed: /failed transactions: (\d+)/.exec(stdout)?.[1] ?? '',
  };
}

async function mysqlClient(stage: Stage): Promise<Facts> {
  const { port, socket } = await startMariadb(stage);
  return stage.run('mysql2-client.js', [String(port), socket]);
}

const redis = (program: string) => (stage: Stage) => redisClient(stage, program);
const postgres = (program: string) => (stage: Stage) => postgresClient(stage, program);

export const DATABASE_CHECKS: readonly Check[] = [
  { name: 'redis/node-redis', level: 'whole', tools: ['redis-server'], run: redis('node-redis-client.js') },
  { name: 'redis/ioredis', level: 'whole', tools: ['redis-server'], run: redis('ioredis-client.js') },
  {
    name: 'redis/redis-cli and redis-benchmark by a proxy',
    level: 'whole',
    tools: ['redis-server', 'redis-cli', 'redis-benchmark'],
    timeoutMs: 120_000,
    run: redisTools,
  },
  { name: 'postgres/pg', level: 'whole', tools: ['postgres', 'openssl'], run: postgres('pg-client.js') },
  { name: 'postgres/postgres.js', level: 'whole', tools: ['postgres', 'openssl'], run: postgres('postgres-client.js') },
  {
    name: 'postgres/psql and pgbench by a proxy',
    level: 'whole',
    tools: ['postgres', 'psql', 'pgbench', 'openssl'],
    timeoutMs: 120_000,
    run: postgresTools,
  },
  { name: 'mariadb/mysql2', level: 'whole', tools: ['mariadbd'], run: mysqlClient },
];
