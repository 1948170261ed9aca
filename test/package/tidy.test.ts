/** Rules that a linter cannot hold: which file may use what, that every file is used, and what a page looks like. */

import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import { codeOf, FILES, read, SOURCES } from '../support/project.js';

const LINES_MAX = 400;
const FOLDER_FILES_MAX = 19;
const ENTRIES = [
  'src/index.ts',
  'src/net.ts',
  'src/port.ts',
  'src/prometheus.ts',
  'src/register.ts',
  'src/sim.ts',
  'src/tls.ts',
  'src/framing.ts',
  'src/win32.ts',
  'src/cli/main.ts',
];

/**
 * From the bottom up: each layer knows itself and those before it; all may assert. `win32.ts` is what programs see of
 * `ffi`, `sim.ts` what they see of `drivers/sim`, `port.ts` what they see of `port`, `net.ts` and `tls.ts` what they see of `net`, `register.ts` the preload of `register`,
 * `index.ts` what they see of `engine` and `threads`, `prometheus.ts` what they see of `metrics`, and `framing.ts` what they see of `framing`.
 */
const LAYERS = [
  'base',
  'ffi',
  'win32.ts',
  'drivers',
  'sim.ts',
  'framing',
  'framing.ts',
  'port',
  'port.ts',
  'tls',
  'engine',
  'net',
  'net.ts',
  'tls.ts',
  'register',
  'register.ts',
  'threads',
  'index.ts',
  'metrics',
  'prometheus.ts',
  'cli',
];
/** Folders of src/drivers that drivers share. Every other one is a driver. */
const SHARED_FOLDERS: ReadonlySet<string> = new Set(['common', 'linux', 'readiness', 'windows']);

/** Folders in which no file imports itself through others, imports of types included. */
const FOLDERS_WITHOUT_CIRCLES = [
  'src/base',
  'src/cli',
  'src/drivers',
  'src/engine',
  'src/ffi',
  'src/framing',
  'src/metrics',
  'src/net',
  'src/port',
  'src/register',
  'src/threads',
  'src/tls',
];

/** The ways to learn which system this is. */
const SYSTEM_QUESTIONS = [
  /\bprocess\.platform\b/,
  /\bos\.(?:platform|type)\(/,
  /\{[^}]*\bplatform\b[^}]*\}\s*(?:=\s*process\b|from 'node:(?:os|process)')/,
];

/** Globals of Node that test runners replace, or whose environments lack them. */
const RUNTIME = 'src/base/runtime.ts';
const REPLACED_GLOBALS = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['queueMicrotask', 'performance', 'structuredClone', 'process', 'Buffer', 'TextEncoder', 'TextDecoder', 'URL'],
  ...['MessageChannel', 'ReadableStream', 'WritableStream'],
];

/** A number in an index, added to an index or added to an address, or a struct's size as a shift. */
const LITERAL_OFFSETS = [
  /\b(?:u8|u16|i32|u32|words|sqes|entries)\[[1-9]/,
  /\[[^\]'"\n]*\w\)? \+ \d/,
  /\b(?:\w*(?:address|offset|record|answer|name)|\w+_word)\b \+ \d+(?! \*)/i,
  /\b(?:index|entry|mask|cqMask|sqMask)\)? << \d/i,
];

describe('source files', () => {
  test('exist', () => {
    assert(SOURCES.includes('src/index.ts'));
  });

  test('koffi is imported in one file', () => {
    const importers = SOURCES.filter((path) => specifiersOf(path).some((name) => name.split('/')[0] === 'koffi'));
    assert.deepEqual(importers, ['src/ffi/koffi.ts']);
  });

  test('process.platform is used in one file', () => {
    const askers = SOURCES.filter((path) => SYSTEM_QUESTIONS.some((question) => question.test(codeOf(path))));
    assert.deepEqual(askers, ['src/drivers/choose.ts']);
  });

  test('timers and other globals that test runners replace are imported', () => {
    const users = SOURCES.filter((path) => path !== RUNTIME).flatMap((path) =>
      globalsOf(path).map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(users, []);
  });

  test('node:process is never imported, because that opens standard input', () => {
    assert.deepEqual(
      SOURCES.filter((path) => specifiersOf(path).some((name) => /^(?:node:)?process$/.test(name))),
      [],
    );
  });

  test('a wrong argument is never an OperationError: that is for operations of the system', () => {
    const argumentCodes = /new OperationError\(\{[^}]*'(?:ERR_INVALID_ARG_\w+|ERR_OUT_OF_RANGE|ERR_SOCKET_BAD_PORT)'/;
    const madeUp = /new OperationError\(\{[^}]*syscall: '(?:options|framing)'/;
    assert.match("new OperationError({ code: 'ERR_OUT_OF_RANGE', reason })", argumentCodes);
    assert.deepEqual(
      SOURCES.filter((path) => argumentCodes.test(read(path)) || madeUp.test(read(path))),
      [],
    );
  });

  test(`no file of the library or the tests is longer than ${LINES_MAX} lines`, () => {
    const tests = FILES.filter((path) => path.startsWith('test/') && path.endsWith('.ts'));
    const long = [...SOURCES, ...tests].map((path) => ({ path, lines: read(path).trimEnd().split('\n').length }));
    assert.deepEqual(
      long.filter(({ lines }) => lines > LINES_MAX),
      [],
    );
  });

  test(`no folder has more than ${FOLDER_FILES_MAX} files`, () => {
    const counts = new Map<string, number>();
    for (const path of SOURCES) {
      const folder = posix.dirname(path);
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    assert.deepEqual(
      [...counts].filter(([, count]) => count > FOLDER_FILES_MAX),
      [],
    );
  });

  test('every file is imported, directly or not, by an entry', () => {
    const reached = new Set<string>();
    const pending = ENTRIES.filter((path) => SOURCES.includes(path));
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      if (!reached.has(path)) {
        reached.add(path);
        pending.push(...importsOf(path));
      }
    }
    assert.deepEqual(
      SOURCES.filter((path) => !reached.has(path)),
      [],
    );
  });

  test('the index of the programs that tests start has each of them', () => {
    const folder = 'test/support/programs/';
    const names = FILES.filter((path) => path.startsWith(folder) && path.endsWith('.ts')).map((path) =>
      posix.basename(path, '.ts'),
    );
    const listed = [...read(`${folder}README.md`).matchAll(/`([\w-]+)`/g)].map(([, name]) => name);
    assert.deepEqual(
      names.filter((name) => !listed.includes(name)),
      [],
    );
  });

  test('every import names a file that exists', () => {
    const missing = SOURCES.flatMap((path) => importsOf(path).filter((target) => !SOURCES.includes(target)));
    assert.deepEqual(missing, []);
  });

  test('each file belongs to a layer', () => {
    assert.deepEqual(
      SOURCES.filter((path) => layerOf(path) === -1),
      [],
    );
  });

  test('each layer imports only layers below it', () => {
    assert.deepEqual(
      breaches((path, target) => layerOf(target) > layerOf(path)),
      [],
    );
  });

  for (const folder of FOLDERS_WITHOUT_CIRCLES) {
    test(`no circle of imports in ${folder}, types counted`, () => {
      assert.deepEqual(circleIn(folder), []);
    });
  }

  test('the behaviours of a connection import neither the public connection nor the engine, types counted', () => {
    const above = ['connection', 'engine', 'engine-core', 'handlers'].map((name) => `src/engine/${name}.ts`);
    assert(above.every((path) => SOURCES.includes(path)));
    const behaviours = ['connection-core', 'messages', 'scheduling', 'streams', 'writing'];
    assert.deepEqual(
      breaches((path, target) => behaviours.includes(path.split('/')[2] ?? '') && above.includes(target)),
      [],
    );
  });

  test('a circle of imports is found', () => {
    const imports = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ]);
    assert.deepEqual(circleOf(imports), ['b', 'd', 'b']);
  });

  test('each driver has a driver.ts and a probe.ts', () => {
    const drivers = new Set(SOURCES.flatMap((path) => driverFolderOf(path) ?? []));
    for (const shared of [...SHARED_FOLDERS, 'sim']) {
      assert(drivers.delete(shared), shared);
    }
    assert(drivers.size > 3);
    for (const driver of drivers) {
      assert(SOURCES.includes(`src/drivers/${driver}/driver.ts`), driver);
      assert(SOURCES.includes(`src/drivers/${driver}/probe.ts`), driver);
    }
    assert(SOURCES.includes('src/drivers/sim/driver.ts'), 'sim has no probe: every system can run it');
  });

  test('offsets in the memory of structs have names', () => {
    const readers = SOURCES.filter((path) => /^src\/(?:drivers\/(?!sim\/)|ffi\/)/.test(path));
    assert(readers.length > 50);
    const found = readers.flatMap((path) => literalOffsetsIn(codeOf(path)).map((line) => `${path}: ${line}`));
    assert.deepEqual(found, []);
  });

  test('the rule about offsets finds the ways to write one as a number', () => {
    const wrong = [
      'sqes[word + 4] = slot;',
      'entries[at + 1] as number',
      'const flags = results.u32[1];',
      'getpeername(socket, address, address + 28)',
      'slab.addressAt(record + ANSWER_OFFSET + 8)',
      'const word = cqes + ((head & cqMask) << 2);',
    ];
    assert.deepEqual(literalOffsetsIn(wrong.join('\n')), wrong);
    assert.deepEqual(
      literalOffsetsIn('sqes[word + SQE_ADDR] = low;\nfree[count - 1] = 5;\nu32[linger.l_onoff >> 2]'),
      [],
    );
  });

  test('no driver imports another driver, and shared code imports none', () => {
    assert.deepEqual(
      breaches((path, target) => {
        const [from, to] = [driverFolderOf(path), driverFolderOf(target)];
        return from !== undefined && to !== undefined && from !== to && !SHARED_FOLDERS.has(to);
      }),
      [],
    );
  });
});

describe('connection flags', () => {
  test('each flag of a connection has a bit of its own, in the order of the file', () => {
    const code = read('src/engine/connection-core/state.ts');
    const bits = [...code.matchAll(/^export const \w+ = 1 << (\d+);/gm)].map(([, bit]) => Number(bit));
    assert(bits.length > 20);
    assert.deepEqual(bits, [...bits.keys()]);
    // V8 keeps numbers of 31 bits in the field itself.
    assert(bits.length < 31);
    assert.doesNotMatch(code, /^export const \w+ = \d+;/m);
  });
});

/** Imports that break a rule, as `importer -> imported`. */
function breaches(broken: (path: string, target: string) => boolean): string[] {
  return SOURCES.flatMap((path) =>
    importsOf(path)
      .filter((target) => broken(path, target))
      .map((target) => `${path} -> ${target}`),
  );
}

/** One circle of imports between the files of a folder; empty if there is none. */
function circleIn(folder: string): string[] {
  const files = SOURCES.filter((path) => path.startsWith(`${folder}/`));
  assert(files.length > 1, folder);
  return circleOf(new Map(files.map((path) => [path, importsOf(path).filter((target) => files.includes(target))])));
}

/** One circle of a graph, as the path from a node back to itself; empty if there is none. */
function circleOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] => {
    if (path.includes(node)) {
      return [...path.slice(path.indexOf(node)), node];
    }
    if (done.has(node)) {
      return [];
    }
    for (const target of graph.get(node) ?? []) {
      const circle = visit(target, [...path, node]);
      if (circle.length > 0) {
        return circle;
      }
    }
    done.add(node);
    return [];
  };
  for (const node of graph.keys()) {
    const circle = visit(node, []);
    if (circle.length > 0) {
      return circle;
    }
  }
  return [];
}

/** The lines of a program that have an offset as a number. */
function literalOffsetsIn(code: string): string[] {
  return code.split('\n').filter((line) => LITERAL_OFFSETS.some((pattern) => pattern.test(line)));
}

function layerOf(path: string): number {
  return LAYERS.indexOf(path.split('/')[1] ?? '');
}

function driverFolderOf(path: string): string | undefined {
  const [, layer, folder, file] = path.split('/');
  return layer === 'drivers' && file !== undefined ? folder : undefined;
}

/** The files of ours that a file imports, exports from, or starts a worker with. */
function importsOf(path: string): string[] {
  return specifiersOf(path)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts'));
}

function specifiersOf(path: string): string[] {
  const code = codeOf(path);
  const patterns = [
    /\b(?:from|import|require)\s*\(?\s*(['"])(?<name>[^'"]+)\1/g,
    /\bnew\s+URL\(\s*(['"])(?<name>[^'"]+\.js)\1\s*,\s*import\.meta\.url/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match.groups?.name ?? ''));
}

/** Names that a file uses and neither imports nor declares, as far as the rule about globals cares. */
function globalsOf(path: string): string[] {
  const code = codeOf(path).replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
  const imports = [...code.matchAll(/^import [^;]*;/gm)].map(([text]) => text).join('\n');
  const rest = code.replace(/^import [^;]*;/gm, '');
  return REPLACED_GLOBALS.filter(
    (name) => new RegExp(`(?<![.\\w#])${name}\\b(?!\\s*:)`).test(rest) && !new RegExp(`\\b${name}\\b`).test(imports),
  ).concat(/\bglobalThis\.(?=[a-z])/.test(rest) ? ['globalThis'] : []);
}
