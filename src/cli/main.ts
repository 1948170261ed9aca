/** The command line: its commands and options, and the one place where a failure becomes a line and an exit code. */

import { Command, CommanderError, Option } from 'commander';
import { process } from '../base/runtime.js';
import { nativeError } from '../ffi/native-error.js';
import type { BenchOptions } from './bench/bench.js';
import type { EchoOptions } from './echo/echo.js';
import { EXIT_FAILED, EXIT_USAGE, Failure } from './failure.js';
import { numberIn } from './numbers.js';
import { watchOutput } from './output.js';

const DRIVER_HELP = 'io_uring, epoll, select, iocp, node, or auto: the first that works';

/** The default port of `echo`, and the port in the examples. */
const ECHO_PORT = 4567;

const THREADS = { least: 1, most: 256 };

const EXAMPLES = `
Examples:
  $ overlapped echo                                echo server on port ${ECHO_PORT}
  $ overlapped echo --port 0 --driver epoll        on a free port, with epoll
  $ overlapped echo --threads 4                    on four threads
  $ overlapped echo --path /tmp/echo.sock          on a Unix socket
  $ overlapped bench 127.0.0.1:${ECHO_PORT}                load this server
  $ overlapped bench :${ECHO_PORT} --connections 500 --pipeline 16 --json
  $ overlapped doctor                              which drivers work here`;

/** Each command is imported when it runs, so that the echo server does not keep the others in memory. */
function addEcho(program: Command): void {
  program
    .command('echo')
    .description('run an echo server until SIGINT or SIGTERM')
    .option('--host <host>', 'name or address to listen on', '0.0.0.0')
    .option(
      '--port <port>',
      'port to listen on; 0 takes a free one',
      numberIn('--port', { least: 0, most: 65535 }),
      ECHO_PORT,
    )
    .addOption(new Option('--path <path>', 'Unix socket to listen on, instead of a port').conflicts(['host', 'port']))
    .option('--driver <driver>', DRIVER_HELP, 'auto')
    .option('--threads <count>', 'number of threads', numberIn('--threads', THREADS), 1)
    .option('--quiet', 'print only the address and the totals', false)
    .option('--json', 'print one JSON object per line', false)
    .option(
      '--drain-timeout <ms>',
      'time for connections to finish after a signal',
      numberIn('--drain-timeout', { least: 0, most: 3_600_000 }),
      5000,
    )
    .action(async (options: EchoOptions) => (await import('./echo/echo.js')).echo(options));
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('load an echo server, check every byte that it returns, and measure round trips')
    .argument('<target>', 'HOST:PORT, [IPV6]:PORT, PORT or unix:PATH')
    .option(
      '--connections <count>',
      'number of connections',
      numberIn('--connections', { least: 1, most: 1_000_000 }),
      50,
    )
    .option('--size <bytes>', 'bytes per message', numberIn('--size', { least: 1, most: 2 ** 26 }), 64)
    .option(
      '--pipeline <count>',
      'messages in flight per connection',
      numberIn('--pipeline', { least: 1, most: 65_536 }),
      1,
    )
    .option(
      '--duration <seconds>',
      'duration of the measurement',
      numberIn('--duration', { least: 0.1, most: 86_400, fraction: true }),
      5,
    )
    .option(
      '--warmup <seconds>',
      'duration of the load before the measurement',
      numberIn('--warmup', { least: 0, most: 3600, fraction: true }),
      1,
    )
    .option('--driver <driver>', DRIVER_HELP, 'auto')
    .option('--threads <count>', 'number of threads', numberIn('--threads', THREADS), 1)
    .option('--json', 'print one JSON object', false)
    .action(async (target: string, options: BenchOptions) => (await import('./bench/bench.js')).bench(target, options));
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('report which drivers work here, and which limits of the machine are too small')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nThe exit code is 1 if no driver works.')
    .action(async (options: { readonly json: boolean }) => (await import('./doctor/doctor.js')).doctor(options));
}

function commands(version: string): Command {
  const program = new Command('overlapped')
    .description('A network engine on completion ports: iocp, io_uring, epoll and select')
    .version(version, '--version')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    // `report` prints errors, in one line each.
    .configureOutput({ outputError: () => undefined });
  addEcho(program);
  addBench(program);
  addDoctor(program);
  return program;
}

/** Prints an error; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof Failure) {
    console.error(`overlapped: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) {
      return 0;
    }
    if (error.code !== 'commander.help') {
      const message = error.message
        .replace(/^error: /, '')
        .replaceAll('\n', ' ')
        .replace(/\.$/, '');
      console.error(`overlapped: ${message}; see overlapped --help`);
    }
    return EXIT_USAGE;
  }
  const native = nativeError(error);
  if (native !== undefined) {
    console.error(`overlapped: ${native.reason}; ${native.advice}`);
    return EXIT_USAGE;
  }
  console.error('overlapped: internal error, please report it:', error);
  return EXIT_FAILED;
}

/**
 * Runs the command line.
 * @param argv as in `process.argv`
 * @param version of the package
 */
export async function main(argv: readonly string[], version: string): Promise<void> {
  watchOutput();
  try {
    await commands(version).parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}
