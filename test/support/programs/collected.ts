/**
 * Large and small sends and receives while the garbage collector runs all the time; needs --expose-gc. Argument:
 * options of the port (JSON). Prints `intact` if every byte arrived as it was sent.
 */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { CompletionPort } from 'overlapped/port';
import { connectPair, Dequeuer } from '../harness.js';
import { parseProgramOptions } from '../program-options.js';
import { system } from '../system.js';

declare const gc: () => void;

const { options } = parseProgramOptions(process.argv[2] as string);
const port = CompletionPort.create({ bufferCount: 32, bufferSizeBytes: 2048, ...options });
const dequeuer = new Dequeuer(port);
const ROUNDS = Math.ceil(80 / system.patience);

for (const small of [false, true]) {
  const { client, server } = await connectPair(dequeuer, (socket) => socket.setOption('sendBufferBytes', 8192));
  const sent = createHash('sha256');
  const received = createHash('sha256');
  let bytesSent = 0;
  let bytesReceived = 0;
  let polls = 0;
  /** A payload that nothing here refers to once it is posted. */
  const payload = (byteLength: number): Uint8Array => {
    const bytes = new Uint8Array(randomBytes(byteLength));
    sent.update(bytes);
    bytesSent += byteLength;
    return bytes;
  };
  dequeuer.hook = (completion) => {
    if (completion.kind === 'receive' && completion.bytes > 0) {
      received.update(completion.data);
      bytesReceived += completion.bytes;
      if (!completion.more) {
        port.postReceive(server);
      }
    }
  };
  port.postReceive(server);
  for (let round = 0; round < ROUNDS; round++) {
    if (small) {
      port.postSend(client, [payload(10), payload(63), payload(64), payload(65), payload(0), payload(500)]);
      port.postSend(client, payload(30));
    } else {
      port.postSend(client, payload(40_000));
      port.postSend(client, [payload(2000), payload(7), payload(9000)]);
    }
    // A collection takes many times as long as the rest of a round.
    if (round % 2 === 0) {
      gc();
    }
    dequeuer.take();
    if (round % 2 === 1) {
      gc();
    }
  }
  await dequeuer.until(
    () => {
      polls++;
      if (polls % 64 === 0) {
        gc();
      }
      return bytesReceived === bytesSent;
    },
    'all bytes',
    30_000,
  );
  assert.equal(received.digest('hex'), sent.digest('hex'));
  dequeuer.hook = undefined;
}
port.close();
console.log('intact');
