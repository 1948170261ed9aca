// node-redis against a real server: `node node-redis-client.js PORT`, or `node node-redis-client.js /a/socket`.
import { createClient } from 'redis';

const [where] = process.argv.slice(2);
const socket = where.startsWith('/') ? { path: where } : { port: Number(where), host: '127.0.0.1' };
const client = await createClient({ socket }).connect();
const big = 'v'.repeat(1_000_000);
await client.set('big', big);
const isBigEqual = (await client.get('big')) === big;
const numbers = await Promise.all(Array.from({ length: 20_000 }, () => client.incr('node-redis')));
const ordered = numbers.every((number, index) => number === index + 1);
const [, , multi] = await client.multi().set('a', '1').incr('a').get('a').exec();

const subscriber = await client.duplicate().connect();
const heard = [];
await subscriber.subscribe('channel', (message) => heard.push(message));
for (let count = 0; count < 100; count++) {
  await client.publish('channel', `message ${count}`);
}
const blocked = client.duplicate();
await blocked.connect();
const popped = blocked.blPop('list', 5);
await client.rPush('list', 'item');
const { element } = await popped;
let error = '';
await client.sendCommand(['NOSUCHCOMMAND']).catch(({ message }) => {
  error = message.slice(0, 19);
});
while (heard.length < 100) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
await client.del(['big', 'node-redis', 'a']);
await Promise.all([client.close(), subscriber.close(), blocked.close()]);
console.log(JSON.stringify({ isBigEqual, count: numbers.length, ordered, multi, heard: heard.length, element, error }));
