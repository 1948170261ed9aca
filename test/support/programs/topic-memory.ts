/**
 * A connection subscribes to topics whose names are slices of long messages. Needs --expose-gc. Argument: how many topics.
 * Prints the heap that each has taken, in bytes.
 */

import { connect } from 'node:net';
import { listen, type Server } from 'overlapped';
import { delimited } from 'overlapped/framing';

const count = Number(process.argv[2]);
const REST = 'x'.repeat(4000);

const collect = (globalThis as unknown as { gc(): void }).gc;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

let before = 0;
let seen = 0;
const server: Server = await listen({
  host: '127.0.0.1',
  port: 0,
  framing: delimited(),
  limits: { topicsPerConnectionMax: Infinity },
  message(connection, message) {
    connection.subscribe(String(message).slice(4, 20));
    seen++;
    connection.write('.');
    if (seen === 100) {
      before = heapBytes();
    } else if (seen === count) {
      const bytesEach = (heapBytes() - before) / (count - 100);
      console.log(
        JSON.stringify({ topics: connection.topics.length, bytesEach, heldEach: connection.heldBytes / count }),
      );
      connection.destroy();
    }
  },
  close: (): void => void server.close(),
});
// One line at a time: what waits to be sent would be heap too.
const peer = connect((server.address as { port: number }).port, '127.0.0.1');
const say = (): void => {
  peer.write(`SUB topic-${String(seen).padStart(10, '0')} ${REST}\n`);
};
peer.on('connect', say).on('data', say);
