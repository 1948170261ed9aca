// Sends a large body both ways with fetch, http and sockets, to itself, and compares the hashes: `node large-bodies.js BYTES`.
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const bytes = Number(process.argv[2]);
const BLOCK = randomFillSync(Buffer.alloc(1 << 20));

async function* body() {
  for (let sent = 0; sent < bytes; sent += BLOCK.length) {
    BLOCK.writeUInt32LE(sent / BLOCK.length, 0);
    // A copy: the block is filled again before it is sent.
    yield Buffer.from(BLOCK.subarray(0, Math.min(BLOCK.length, bytes - sent)));
  }
}

async function hashOf(stream) {
  const hash = createHash('sha256');
  for await (const chunk of stream) {
    hash.update(chunk);
  }
  return hash.digest('hex');
}

const expected = await hashOf(body());
const web = createServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1');
const echo = createNetServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
await Promise.all([once(web, 'listening'), once(echo, 'listening')]);
const url = `http://127.0.0.1:${web.address().port}/`;

const fetched = await fetch(url, { method: 'POST', body: Readable.toWeb(Readable.from(body())), duplex: 'half' });
const viaFetch = await hashOf(fetched.body);

const request = httpRequest(url, { method: 'POST' });
const uploaded = pipeline(Readable.from(body()), request);
const [response] = await once(request, 'response');
const [viaHttp] = await Promise.all([hashOf(response), uploaded]);

const socket = connect(echo.address().port, '127.0.0.1');
const [viaSocket] = await Promise.all([hashOf(socket), pipeline(Readable.from(body()), socket, { end: true })]).catch(
  () => ['failed'],
);
echo.close();
web.close();
console.log(
  JSON.stringify({ fetch: viaFetch === expected, http: viaHttp === expected, socket: viaSocket === expected, bytes }),
);
process.exit(0);
