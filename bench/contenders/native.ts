/** Reference servers in C and C++, compiled into .cache/bench/native where a compiler and the headers are. */

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { C_TLS, type Contender, type Presence } from '../contender.js';
import { CACHE, source } from '../paths.js';
import { ROLES, type Role, TLS_ROLES, type TlsRole } from '../servers/roles.js';
import { firstLine, runTool } from './tools.js';

interface Native {
  readonly name: string;
  readonly title: string;
  readonly file: string;
  readonly roles: readonly (Role | TlsRole)[];
  readonly options: readonly string[];
  /** The rest of the command line, after the role. */
  readonly words?: readonly string[];
  /** The Debian package of a header. */
  readonly package: string;
  /** Prints the version of the library that it is built on. */
  readonly version?: readonly string[];
}

const FOLDER = join(CACHE, 'native');
/** As many bytes have to be there before the kernel wakes the server, or what is missing of a message or of a MiB. */
const MARK_BYTES = 512 * 1024;
const HEADERS = ['common.h', 'epoll-loop.h'];
const OPTIONS = ['-O2', '-Wall', '-Wextra'];

const NATIVES: readonly Native[] = [
  { name: 'c:epoll', title: 'C, epoll', file: 'epoll.c', roles: ROLES, options: [], package: 'libc6-dev' },
  {
    name: 'c:epoll-mark',
    title: 'C, epoll, SO_RCVLOWAT',
    file: 'epoll.c',
    roles: ['sink', 'framed'],
    words: ['0', String(MARK_BYTES)],
    options: [],
    package: 'libc6-dev',
  },
  {
    name: 'c:io_uring',
    title: 'C, io_uring',
    file: 'io_uring.c',
    roles: ['echo', 'sink', 'source'],
    options: ['-luring'],
    package: 'liburing-dev',
    version: ['pkg-config', '--modversion', 'liburing'],
  },
  {
    name: 'c:io_uring-mark',
    title: 'C, io_uring, SO_RCVLOWAT',
    file: 'io_uring.c',
    roles: ['sink'],
    words: ['0', String(MARK_BYTES)],
    options: ['-luring'],
    package: 'liburing-dev',
    version: ['pkg-config', '--modversion', 'liburing'],
  },
  {
    name: 'libuv',
    title: 'C, libuv',
    file: 'libuv.c',
    roles: ROLES.filter((role) => role !== 'framed'),
    options: ['-luv'],
    package: 'libuv1-dev',
    version: ['pkg-config', '--modversion', 'libuv'],
  },
  {
    name: 'asio',
    title: 'C++, Asio',
    file: 'asio.cpp',
    roles: ['echo', 'sink', 'source'],
    options: ['-std=c++17', '-pthread'],
    package: 'libasio-dev',
    version: ['sed', '-n', 's|^#define ASIO_VERSION .*// ||p', '/usr/include/asio/version.hpp'],
  },
  {
    name: C_TLS,
    title: 'C, epoll and OpenSSL',
    file: 'tls.c',
    roles: TLS_ROLES,
    options: ['-lssl', '-lcrypto'],
    package: 'libssl-dev',
    version: ['pkg-config', '--modversion', 'openssl'],
  },
];

const programOf = ({ file }: Native): string => join(FOLDER, file.replace(/\.\w+$/, ''));

/** When a file was changed last, in ms; 0 when it is not there. */
const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function prepare(native: Native): Presence {
  const { file, options, version } = native;
  const compiler = file.endsWith('.cpp') ? 'c++' : 'cc';
  const path = source(`servers/c/${file}`);
  const program = programOf(native);
  const sources = [path, ...HEADERS.map((name) => source(`servers/c/${name}`))];
  if (changedAt(program) < Math.max(...sources.map(changedAt))) {
    mkdirSync(FOLDER, { recursive: true });
    const { done, output } = runTool(compiler, [...OPTIONS, '-o', program, path, ...options]);
    if (!done) {
      return { missing: `${reason(output)}; apt-get install g++ ${native.package}` };
    }
  }
  const built = `${compiler} ${firstLine(runTool(compiler, ['-dumpfullversion']).output)}`;
  const library = version === undefined ? undefined : runTool(version[0] as string, version.slice(1));
  return { version: library?.done === true ? `${firstLine(library.output)}, ${built}` : built };
}

/** Why it was not compiled: the first error of many lines. */
function reason(output: string): string {
  return /error: (.*)/.exec(output)?.[1] ?? firstLine(output);
}

export const NATIVE: readonly Contender[] = NATIVES.map((native) => ({
  name: native.name,
  title: native.title,
  roles: native.roles,
  prepare: () => prepare(native),
  command: (role) => [programOf(native), role, ...(native.words ?? [])],
}));
