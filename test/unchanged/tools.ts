/** The programs of the system that checks use, and the Debian packages that have them. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = {
  ab: 'apache2-utils',
  curl: 'curl',
  h2load: 'nghttp2-client',
  mariadbd: 'mariadb-server',
  mosquitto_pub: 'mosquitto-clients',
  mosquitto_sub: 'mosquitto-clients',
  openssl: 'openssl',
  pgbench: 'postgresql',
  postgres: 'postgresql',
  psql: 'postgresql-client',
  'redis-benchmark': 'redis-tools',
  'redis-cli': 'redis-tools',
  'redis-server': 'redis-server',
  slowhttptest: 'slowhttptest',
  ssh: 'openssh-client',
  wrk: 'wrk',
} as const;

export type Tool = keyof typeof PACKAGES;

/** Debian keeps the programs of PostgreSQL's server on no path, one folder for each version. */
const POSTGRES = '/usr/lib/postgresql';

/** The path of a tool; undefined if it is not installed. */
export function pathOf(tool: Tool): string | undefined {
  const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES).sort().reverse() : [];
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    ...versions.map((version) => join(POSTGRES, version, 'bin')),
  ];
  return folders.map((folder) => join(folder, tool)).find(existsSync);
}

export function isInstalled(tool: Tool): boolean {
  return pathOf(tool) !== undefined;
}

/** Installs the Debian packages of tools that are missing, without starting their services. Returns why it could not. */
export function installTools(tools: readonly Tool[]): string | undefined {
  const missing = [...new Set(tools.filter((tool) => !isInstalled(tool)).map((tool) => PACKAGES[tool]))].sort();
  if (missing.length === 0) {
    return undefined;
  }
  console.log(`unchanged: installing ${missing.join(' ')}`);
  const install = ['-qq', 'install', '--no-install-recommends', '--yes', ...missing];
  for (const words of [['-qq', 'update'], install]) {
    const asRoot = process.getuid?.() === 0 ? ['apt-get'] : ['sudo', '-n', 'apt-get'];
    const [command, ...rest] = [...asRoot, ...words] as [string, ...string[]];
    // Runlevel 1 is the one in which Debian's packages start nothing.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const { status, stdout, stderr, error } = spawnSync(command, rest, { env, encoding: 'utf8' });
    if (status !== 0) {
      return `${command} ${rest.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`;
    }
  }
  return undefined;
}
