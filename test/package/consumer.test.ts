/**
 * The package as its users get it: packed, checked, installed in a project, compiled strictly
 * as an ES module, for a bundler and as CommonJS, run, bundled, and run from the bundle.
 */

import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build } from 'esbuild';
import { filesIn, npmIn, ROOT, runAnyIn, runIn } from '../support/packing.js';

const TEST_TIMEOUT_MS = 120_000;
const TOOLS = join(ROOT, 'node_modules');
/** Nothing imports these: they are entries for bundlers. */
const WORKERS = ['worker', 'blocking-worker'];

const COMPILER_OPTIONS = {
  target: 'ES2023',
  lib: ['ES2023'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
};

/** How each kind of project is compiled. */
const PROJECTS = {
  nodenext: { module: 'nodenext', files: ['app.ts', 'handlers.ts', 'subpaths.ts', 'requiring.cts'] },
  bundler: {
    module: 'preserve',
    moduleResolution: 'bundler',
    noEmit: true,
    files: ['app.ts', 'handlers.ts', 'subpaths.ts'],
  },
  commonjs: { module: 'node16', verbatimModuleSyntax: false, files: ['commonjs.cts'] },
};

const folder = mkdtempSync(join(tmpdir(), 'overlapped-consumer-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules/overlapped');
let tarball = '';

/** Packs this checkout, which has been built: test/package/git-install.test.ts packs one that has not. */
function pack(): void {
  npmIn(ROOT, ['pack', '--pack-destination', folder]);
  const [name] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  assert(name !== undefined);
  tarball = join(folder, name);
}

function install(): void {
  cpSync(join(ROOT, 'test/package/consumer'), project, { recursive: true });
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  npmIn(project, ['install', tarball]);
  symlinkSync(join(TOOLS, '@types'), join(project, 'node_modules/@types'), 'dir');
}

function compile(name: keyof typeof PROJECTS): void {
  const { files, ...options } = PROJECTS[name];
  const config = join(project, `tsconfig.${name}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...COMPILER_OPTIONS, ...options, outDir: 'out' }, files }));
  runIn(project, process.execPath, [join(TOOLS, 'typescript/bin/tsc'), '--project', config]);
}

/** Bundles the program and its handlers, and what else is given. */
async function bundle(outdir: string, format: 'esm' | 'cjs', entries: Readonly<Record<string, string>>): Promise<void> {
  await build({
    absWorkingDir: project,
    entryPoints: { app: './app.ts', handlers: './handlers.ts', ...entries },
    outdir,
    bundle: true,
    format,
    ...(format === 'cjs' ? { outExtension: { '.js': '.cjs' } } : {}),
    platform: 'node',
    external: ['koffi'],
    logLevel: 'silent',
  });
}

describe('the package', { timeout: TEST_TIMEOUT_MS }, () => {
  before(() => {
    pack();
    install();
  });
  after(() => rmSync(folder, { recursive: true }));

  test('has what programs and their editors load, and nothing of the build or the tests', () => {
    const files = filesIn(installed);
    const wanted = [
      'bin/',
      'dist/lib/',
      'dist/src/',
      'docs/',
      'examples/',
      'bench/charts/',
      'bench/GROWTH.md',
      'bench/PROGRAMS.md',
      'bench/README.md',
      'bench/RESULTS.md',
      'bench/TLS.md',
      'package.json',
    ];
    const unwanted = files.filter((path) => !/^[A-Z]/.test(path) && !wanted.some((name) => path.startsWith(name)));
    assert.deepEqual(unwanted, []);
    assert.deepEqual(
      files.filter((path) => path.startsWith('dist/src/') && !path.endsWith('.d.ts')),
      [],
    );
    assert(files.includes('dist/lib/overlapped-worker.js') && files.includes('dist/src/index.d.ts'));
  });

  test('has source maps that contain their sources', () => {
    const maps = filesIn(installed).filter((path) => path.endsWith('.map'));
    assert(maps.includes('dist/lib/overlapped-worker.js.map'));
    for (const path of maps) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(installed, path), 'utf8'));
      assert.equal(sourcesContent?.length ?? 0, sources.length, path);
    }
  });

  test('has the target of every relative link in its pages', () => {
    const pages = filesIn(installed).filter((path) => path.endsWith('.md'));
    assert(pages.includes('README.md') && pages.includes('docs/dependencies.md'));
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(installed, page), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
        .map(([, target = '']) => posix.join(posix.dirname(page), target))
        .filter((target) => !existsSync(join(installed, target)))
        .map((target) => `${page} -> ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  test('passes publint', () => {
    runIn(folder, process.execPath, [join(TOOLS, 'publint/src/cli.js'), 'run', tarball, '--strict']);
  });

  test('passes attw as a package of ES modules', () => {
    const attw = join(TOOLS, '@arethetypeswrong/cli/dist/index.js');
    const args = [tarball, '--profile', 'esm-only', '--no-color', '--exclude-entrypoints', ...WORKERS];
    runIn(folder, process.execPath, [attw, ...args]);
  });

  test('compiles and runs in an ES module, without prom-client', () => {
    assert(!existsSync(join(project, 'node_modules/prom-client')));
    compile('nodenext');
    assert.equal(runIn(project, process.execPath, ['out/app.js']), 'echoed ping\n');
    assert.match(runIn(project, process.execPath, ['out/subpaths.js']), /^sim sim 2 true function/);
    assert.equal(runIn(project, process.execPath, ['out/requiring.cjs']), 'required function\n');
  });

  test('compiles for a bundler', () => compile('bundler'));

  test('compiles and runs in CommonJS', () => {
    compile('commonjs');
    assert.equal(runIn(project, process.execPath, ['out/commonjs.cjs']), 'received hello\n');
  });

  test('runs from a bundle that has the worker as an entry', async () => {
    const workers = Object.fromEntries(WORKERS.map((name) => [`overlapped-${name}`, `overlapped/${name}`]));
    await bundle('bundle', 'esm', workers);
    assert.equal(runIn(project, process.execPath, ['bundle/app.js']), 'echoed ping\n');
  });

  test('says what to do about a bundle without the worker', async () => {
    await bundle('incomplete', 'esm', {});
    const { status, stderr } = runAnyIn(project, process.execPath, ['incomplete/app.js']);
    assert.equal(status, 1);
    assert.match(stderr, /ERR_WORKER_FILE_MISSING: .*Cannot find module '.*overlapped-worker\.js'.*must be an entry/);
  });

  test('its command runs', () => {
    assert.match(runIn(project, join(project, 'node_modules/.bin/overlapped'), ['--version']), /^\d+\.\d+\.\d+\n$/);
    const { auto } = JSON.parse(runIn(project, join(project, 'node_modules/.bin/overlapped'), ['doctor', '--json']));
    assert.equal(typeof auto, 'string');
  });
});
