// Opens connections, sends messages of many sizes on each, and counts the ones that come back as they were sent.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';

const [url, connections] = process.argv.slice(2);
// The certificate that a server of wss is verified with.
const options = process.env.CA === undefined ? {} : { ca: readFileSync(process.env.CA) };
const SIZES = [0, 1, 125, 126, 1000, 65_535, 65_536, 300_000];
const counts = { echoed: 0, wrong: 0, pongs: 0, closed: 0, bytes: 0 };

async function talk() {
  const socket = new WebSocket(url, options);
  await once(socket, 'open');
  for (const size of SIZES) {
    const sent = randomBytes(size);
    socket.send(sent);
    const [data, isBinary] = await once(socket, 'message');
    counts[isBinary && sent.equals(data) ? 'echoed' : 'wrong'] += 1;
    counts.bytes += data.length;
  }
  // Many small ones at a time come back in their order.
  const texts = Array.from({ length: 200 }, (_, index) => `message ${index}`);
  const answers = [];
  const all = new Promise((resolve) => {
    socket.on('message', (data) => {
      answers.push(String(data));
      if (answers.length === texts.length) {
        resolve();
      }
    });
  });
  for (const text of texts) {
    socket.send(text);
  }
  await all;
  counts[answers.join() === texts.join() ? 'echoed' : 'wrong'] += texts.length;
  socket.ping('are you there');
  const [data] = await once(socket, 'pong');
  counts.pongs += String(data) === 'are you there' ? 1 : 0;
  socket.close(4001, 'done');
  const [code, reason] = await once(socket, 'close');
  counts.closed += code === 4001 && String(reason) === 'done' ? 1 : 0;
}

await Promise.all(Array.from({ length: Number(connections) }, talk));
console.log(JSON.stringify(counts));
