/** Real servers of the system, each in the check's folder and on a free port; they end with the check. */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Stage } from './stage.js';
import { pathOf, type Tool } from './tools.js';

export interface Service {
  readonly port: number;
  readonly socket: string;
}

const READY_TIMEOUT_MS = 30_000;
/** Everybody may pass through the folder: servers run as users of their own. */
const PASSABLE = 0o755;

export async function startRedis(stage: Stage): Promise<Service> {
  const [port, socket] = [await freePort(), join(stage.folder, 'redis.socket')];
  const settings = ['--port', String(port), '--unixsocket', socket, '--save', '', '--appendonly', 'no'];
  const running = stage.start(found('redis-server'), ['--bind', '127.0.0.1', '--dir', stage.folder, ...settings]);
  await running.says(/eady to accept connections/, READY_TIMEOUT_MS);
  return { port, socket };
}

/** PostgreSQL with TLS; everybody is trusted. It refuses to run as root, so then it runs as the user of Debian's package. */
export async function startPostgres(stage: Stage): Promise<Service> {
  const [port, data] = [await freePort(), join(stage.folder, 'postgres')];
  const { cert, key } = await certificate(stage);
  const user = userFor('postgres');
  mkdirSync(data);
  chmodSync(stage.folder, PASSABLE);
  for (const path of [data, key]) {
    chownSync(path, user.uid, user.gid);
  }
  const { privileges } = user;
  const initdb = join(found('postgres'), '../initdb');
  const run = { privileges, cwd: data, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
  await stage.tool(initdb, ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync'], run);
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: data,
    fsync: 'off',
    ssl: 'on',
    ssl_cert_file: cert,
    ssl_key_file: key,
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const running = stage.start(found('postgres'), ['-D', data, '-p', String(port), ...words], {
    ...run,
    endSignal: 'SIGQUIT',
    timeoutMs: 600_000,
  });
  await running.says(/database system is ready to accept connections/, READY_TIMEOUT_MS);
  return { port, socket: join(data, `.s.PGSQL.${port}`) };
}

/** MariaDB with TLS off, and the user `app` with the password `secret`. */
export async function startMariadb(stage: Stage): Promise<Service> {
  const [port, data] = [await freePort(), join(stage.folder, 'mariadb')];
  const user = userFor('mysql');
  mkdirSync(data);
  chmodSync(stage.folder, PASSABLE);
  chownSync(data, user.uid, user.gid);
  const { privileges } = user;
  await stage.tool(
    'mariadb-install-db',
    ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--auth-root-authentication-method=normal'],
    { privileges },
  );
  const running = stage.start(
    found('mariadbd'),
    ['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', `--socket=${data}/socket`],
    { privileges, endSignal: 'SIGTERM', timeoutMs: 600_000 },
  );
  await running.says(/ready for connections/, READY_TIMEOUT_MS);
  const statements = [
    'CREATE DATABASE test',
    "CREATE USER app@'127.0.0.1' IDENTIFIED BY 'secret'",
    "CREATE USER app@localhost IDENTIFIED BY 'secret'",
    "GRANT ALL ON test.* TO app@'127.0.0.1'",
    'GRANT ALL ON test.* TO app@localhost',
  ];
  await stage.tool(
    'mariadb',
    ['--no-defaults', '--user=root', `--socket=${data}/socket`, '-e', statements.join('; ')],
    {
      privileges,
    },
  );
  return { port, socket: `${data}/socket` };
}

/** A certificate for 127.0.0.1, signed by its own key. */
export async function certificate(stage: Stage): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = [join(stage.folder, 'cert.pem'), join(stage.folder, 'key.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await stage.tool(found('openssl'), ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert]);
  return { cert, key };
}

export function found(tool: Tool): string {
  const path = pathOf(tool);
  assert(path !== undefined, tool);
  return path;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert(typeof address === 'object' && address !== null);
  return address.port;
}

/** Another user for root, and nobody else for the others. */
function userFor(name: string): { uid: number; gid: number; privileges: readonly string[] } {
  if (process.getuid?.() !== 0) {
    return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, privileges: [] };
  }
  const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  assert(uid !== undefined && gid !== undefined, `no user ${name}`);
  const privileges = ['--reuid', uid, '--regid', gid, '--clear-groups'];
  return { uid: Number(uid), gid: Number(gid), privileges };
}
