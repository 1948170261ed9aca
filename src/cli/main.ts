/** The command line: what can be asked for, and the one place where a failure becomes a line and an exit code. */

import { Command, CommanderError, Option } from 'commander';
import { process } from '../base/runtime.js';
import type { BenchOptions } from './bench/bench.js';
import type { EchoOptions } from './echo/echo.js';
import { EXIT_FAILED, EXIT_USAGE, Failure } from './failure.js';
import { decimal, whole } from './numbers.js';
import { watchOutput } from './output.js';

const DRIVER_HELP = 'auto, io_uring, epoll, select or iocp';

/** The port that the seed's server listens on. */
const ECHO_PORT = 4567;

const EXAMPLES = `
Examples:
  $ overlapped echo                                an echo server on port ${ECHO_PORT}
  $ overlapped echo --port 0 --driver epoll        on a free port, on epoll
  $ overlapped echo --threads 4                    on four threads
  $ overlapped echo --path /tmp/echo.sock          on a Unix socket
  $ overlapped bench 127.0.0.1:${ECHO_PORT}                load it
  $ overlapped bench :${ECHO_PORT} --connections 500 --pipeline 16 --json
  $ overlapped doctor                              what this machine can do`;

/** Each command is loaded when it is asked for: the echo server keeps nothing of the others in its memory. */
function addEcho(program: Command): void {
  program
    .command('echo')
    .description('serve: send back what comes in, until SIGINT or SIGTERM')
    .option('--host <host>', 'name or address to listen on', '0.0.0.0')
    .option('--port <port>', 'port to listen on; 0 for a free one', whole('--port', 0, 65535), ECHO_PORT)
    .addOption(new Option('--path <path>', 'Unix socket to listen on instead').conflicts(['host', 'port']))
    .option('--driver <driver>', DRIVER_HELP, 'auto')
    .option('--threads <count>', 'threads that serve', whole('--threads', 1, 256), 1)
    .option('--quiet', 'only say where it listens, and the totals', false)
    .option('--json', 'one JSON object a line', false)
    .option(
      '--drain-timeout <ms>',
      'how long a signal lets connections finish',
      whole('--drain-timeout', 0, 3_600_000),
      5000,
    )
    .action(async (options: EchoOptions) => (await import('./echo/echo.js')).echo(options));
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('load an echo server, check every byte that returns, and time it')
    .argument('<target>', 'HOST:PORT, [IPV6]:PORT, PORT or unix:PATH')
    .option('--connections <count>', 'connections', whole('--connections', 1, 1_000_000), 50)
    .option('--size <bytes>', 'bytes of a message', whole('--size', 1, 2 ** 26), 64)
    .option('--pipeline <count>', 'messages in flight on each connection', whole('--pipeline', 1, 65_536), 1)
    .option('--duration <seconds>', 'how long to measure', decimal('--duration', 0.1, 86_400), 5)
    .option('--warmup <seconds>', 'how long to load before that', decimal('--warmup', 0, 3600), 1)
    .option('--driver <driver>', DRIVER_HELP, 'auto')
    .option('--threads <count>', 'threads that load', whole('--threads', 1, 256), 1)
    .option('--json', 'one JSON object', false)
    .action(async (target: string, options: BenchOptions) => (await import('./bench/bench.js')).bench(target, options));
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say which drivers work here, and which limits of the machine matter')
    .option('--json', 'one JSON object', false)
    .action(async (options: { readonly json: boolean }) => (await import('./doctor.js')).doctor(options));
}

function commands(version: string): Command {
  const program = new Command('overlapped')
    .description("A completion-port network engine: IOCP's model on io_uring, epoll and select")
    .version(version, '--version')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    // What is wrong is said once, in one line, by `report`.
    .configureOutput({ outputError: () => undefined });
  addEcho(program);
  addBench(program);
  addDoctor(program);
  return program;
}

/** Says what went wrong; returns the exit code. */
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
  console.error('overlapped: this is a bug, please report it:', error);
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
