/**
 * A started port whose handler throws, with or without a listener for uncaught exceptions. Arguments: options of the
 * port (JSON), and `listen` or `ignore`; or `hook`: the layer above throws once too.
 */

import assert from 'node:assert/strict';
import type { Completion } from 'overlapped/port';
import type { TurnHooks } from '../../../src/port/running/pump-options.js';
import { connectPair, Dequeuer, eventually } from '../harness.js';
import { LoopEcho } from '../loop-echo.js';
import { parseProgramOptions } from '../program-options.js';

const { options, peers } = parseProgramOptions(process.argv[2] as string);
const echo = new LoopEcho(options);
const { port } = echo;
let caught = 0;
let dispatched = 0;
const mode = process.argv[3];
if (mode !== 'ignore') {
  process.on('uncaughtException', (error) => {
    assert.match(error.message, /thrown by a handler/);
    caught++;
  });
}

const { client } = await connectPair(new Dequeuer(port));
for (let index = 0; index < 20; index++) {
  port.postSend(client, Buffer.alloc(0), index);
}
let hookThrows = false;
const hooks: TurnHooks = {
  begin: () => undefined,
  flush: () => undefined,
  timePassed() {
    if (hookThrows) {
      hookThrows = false;
      throw new Error('thrown by a handler');
    }
  },
  hasWork: false,
  owesTurn: false,
  dueAt: Infinity,
  late: false,
};
const handler = (completion: Completion): void => {
  if (typeof completion.context === 'number') {
    dispatched++;
    if (dispatched % 2 === 0) {
      throw new Error('thrown by a handler');
    }
    return;
  }
  // In a turn that ends with nothing left to do.
  hookThrows ||= mode === 'hook' && completion.kind === 'accept' && dispatched === 20;
  echo.handler(completion);
};
port.start(handler, { hooks });
await eventually(() => dispatched === 20, 'all twenty');
const visitor = await peers.connect(echo.number);
visitor.socket.write('ping');
await eventually(() => visitor.bytes === 4, 'the echo');
visitor.socket.destroy();
await eventually(() => port.statistics().buffersLent === 0, 'all buffers are back');
console.log(
  JSON.stringify({ caught, dispatched, echoed: visitor.data.toString(), buffersLent: port.statistics().buffersLent }),
);
port.close();
