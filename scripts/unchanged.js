/**
 * Runs programs as users write them, unchanged, with the preload `overlapped/register` and under stock Node, and compares
 * what their real clients see: `npm run test:unchanged -- --level whole`. Words choose checks by their names. `--stock` runs
 * stock Node alone, and `--mixed` also gives the preload to only one side of programs that talk to each other.
 */

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { nodeOptionsFor, OURS, preloadFile, WAYS } from './preload.js';
import { fail, ROOT, run } from './tools.js';

const options = new Command('test:unchanged')
  .description('Runs unchanged programs with the preload and without it, and compares them')
  .argument('[words...]', "parts of the checks' names")
  .addOption(
    new Option('--level <level>', 'quick takes a minute, whole installs Debian packages, soak makes a million requests')
      .choices(['quick', 'whole', 'soak'])
      .default('quick'),
  )
  .option('--preload <name>', 'what to load before each program: an entry of this package, or a path', OURS)
  .addOption(new Option('--with <way>', 'how it is loaded').choices(WAYS).default('import'))
  .option('--mixed', 'also with the preload on one side only')
  .option('--verbose', 'prints what the checks have compared')
  .option('--stock', 'only stock Node')
  .parse();
const { level, preload, with: way, mixed, stock, verbose } = options.opts();

const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const file = stock ? undefined : preloadFile(preload, way);
if (!stock && file === undefined) {
  fail(
    `Cannot load ${preload}: this package has no such entry, and there is no such file; --stock runs stock Node alone`,
  );
}
const choices = {
  words: options.args,
  level,
  nodeOptions: file === undefined ? '' : nodeOptionsFor(file, way),
  isVerbose: verbose === true,
  modes: file === undefined ? ['stock'] : ['stock', 'preload', ...(mixed ? ['servers', 'clients'] : [])],
};
process.exit(run(process.execPath, [join(ROOT, 'dist/test/unchanged/main.js'), JSON.stringify(choices)]).exitCode);
