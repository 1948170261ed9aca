// ioredis against a real server: `node ioredis-client.js PORT`, or `node ioredis-client.js /a/socket`.
import { Redis } from 'ioredis';

const [where] = process.argv.slice(2);
const client = where.startsWith('/') ? new Redis(where) : new Redis(Number(where), '127.0.0.1');
const big = Buffer.alloc(1_000_000, 'v');
await client.set('big', big);
const isBigEqual = big.equals(await client.getBuffer('big'));
const pipeline = client.pipeline();
for (let count = 0; count < 20_000; count++) {
  pipeline.incr('ioredis');
}
const results = await pipeline.exec();
const ordered = results.every(([, number], index) => number === index + 1);

const subscriber = new Redis(client.options);
await subscriber.subscribe('channel');
let heard = 0;
subscriber.on('message', () => {
  heard += 1;
});
for (let count = 0; count < 100; count++) {
  await client.publish('channel', `message ${count}`);
}
const blocked = new Redis(client.options);
const popped = blocked.blpop('list', 5);
await client.rpush('list', 'item');
const [, element] = await popped;
// A connection that the server kills is opened again.
const killed = new Redis(client.options);
const killedId = await killed.client('ID');
const again = new Promise((resolve) => killed.once('reconnecting', resolve));
await client.client('KILL', 'ID', killedId);
await again;
const pong = await killed.ping();
while (heard < 100) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
await client.del('big', 'ioredis');
await Promise.all([client.quit(), subscriber.quit(), blocked.quit(), killed.quit()]);
console.log(JSON.stringify({ isBigEqual, count: results.length, ordered, heard, element, pong }));
