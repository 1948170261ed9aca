// A client of Redis that writes and reads keys, 100 commands at a time. Each connection to this program gives it the port of
// a server, whose client it is until that connection ends.
import { createServer } from 'node:net';
import { createClient } from 'redis';

const KEYS = Array.from({ length: 50 }, (_, index) => `session:${index}`);

async function roundTrip(client, round) {
  const values = KEYS.map((key) => `${key}:${round}`);
  const replies = await Promise.all(KEYS.flatMap((key, index) => [client.set(key, values[index]), client.get(key)]));
  values.forEach((value, index) => {
    if (replies[2 * index] !== 'OK' || replies[2 * index + 1] !== value) {
      console.error(`Error: wrong reply: found ${replies[2 * index + 1]}, wanted ${value}`);
      process.exit(1);
    }
  });
}

async function work(port, owner) {
  const client = createClient({ socket: { port, host: '127.0.0.1', reconnectStrategy: false } });
  client.on('error', () => owner.destroy());
  try {
    await client.connect();
    for (let round = 0; !owner.destroyed; round++) {
      await roundTrip(client, round);
    }
    client.destroy();
  } catch {
    // The server has ended.
    owner.destroy();
  }
}

const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (data) => work(Number(data), socket));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
