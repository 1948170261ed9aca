// A TCP proxy, as small as they are written with node:net: `node proxy.js PORT [HOST]`, or `node proxy.js /a/socket`.
import { connect, createServer } from 'node:net';
import { listening } from './listening.js';

const [target, host = '127.0.0.1'] = process.argv.slice(2);
const server = createServer((client) => {
  const upstream = target.startsWith('/') ? connect(target) : connect(Number(target), host);
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
});
listening(server);
