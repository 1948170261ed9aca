/**
 * An echo with the globals replaced or deleted, as in a test with fake timers, or in an environment other than Node's.
 * The first argument is the driver; with `missing` as the second the globals are deleted before overlapped is loaded,
 * otherwise they stop from then on. Prints the echoed bytes, and the reasons of the closes by timeouts.
 */

import { Buffer } from 'node:buffer';
import process from 'node:process';
import { mock } from 'node:test';
import type { DriverChoice } from 'overlapped';

const [driverName = '', how = ''] = process.argv.slice(2);
const driver = driverName as DriverChoice;

const GLOBALS = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['queueMicrotask', 'performance', 'structuredClone', 'Buffer', 'TextEncoder', 'TextDecoder', 'URL'],
  ...['MessageChannel', 'ReadableStream', 'WritableStream'],
];

function deleteGlobals(): void {
  for (const name of GLOBALS) {
    delete (globalThis as Record<string, unknown>)[name];
  }
}

function stopTime(): void {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] });
  performance.now = () => 0;
  Date.now = () => 0;
  globalThis.queueMicrotask = () => undefined;
}

if (how === 'missing') {
  deleteGlobals();
}
const { connect, listen } = await import('overlapped');
if (how !== 'missing') {
  stopTime();
}
const closes: string[] = [];
const server = await listen({
  driver,
  host: '127.0.0.1',
  port: 0,
  timeouts: { firstByteMs: 50 },
  data: (connection, chunk) => void connection.write(chunk),
  close: (_, reason) => void closes.push(reason),
});
const { address } = server;
const place = address.family === 'unix' ? { port: 0 } : { host: address.address, port: address.port };
const echoed = await new Promise<string>((resolve, reject) => {
  connect({
    driver,
    ...place,
    data(connection, chunk) {
      resolve(Buffer.from(chunk).toString());
      connection.end();
    },
  }).then((connection) => connection.write('ping'), reject);
});
// A silent one, which a timeout closes.
await new Promise<void>((resolve, reject) => {
  connect({ driver, ...place, close: () => resolve() }).catch(reject);
});
await server.close({ deadlineMs: 1000 });
process.stdout.write(`${JSON.stringify({ echoed, closes })}\n`);
process.exit(0);
