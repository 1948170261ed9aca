// An SSH server and a client of it: a command with a megabyte both ways, and a forwarded TCP connection.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import ssh2 from 'ssh2';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const server = new ssh2.Server({ hostKeys: [privateKey] }, (connection) => {
  connection.on('authentication', (context) => {
    return context.method === 'password' && context.password === 'secret'
      ? context.accept()
      : context.reject(['password']);
  });
  connection.on('ready', () => {
    connection.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const stream = acceptExec();
        stream.pipe(stream, { end: false });
        stream.on('end', () => {
          stream.exit(7);
          stream.end();
        });
      });
    });
    connection.on('tcpip', (accept, _reject, { destIP, destPort }) => {
      const channel = accept();
      channel.pipe(connect(destPort, destIP)).pipe(channel);
    });
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const client = new ssh2.Client();
client.connect({ host: '127.0.0.1', port: server.address().port, username: 'user', password: 'secret' });
await once(client, 'ready');
const data = Buffer.alloc(1_000_000, 'ssh');
const stream = await new Promise((resolve, reject) => {
  client.exec('cat', (error, channel) => (error ? reject(error) : resolve(channel)));
});
const exit = once(stream, 'exit');
stream.end(data);
const hash = createHash('sha256');
for await (const chunk of stream) {
  hash.update(chunk);
}
const [exitCode] = await exit;

const target = createServer((socket) => socket.end('through the tunnel')).listen(0, '127.0.0.1');
await once(target, 'listening');
const tunnel = await new Promise((resolve, reject) => {
  client.forwardOut('127.0.0.1', 0, '127.0.0.1', target.address().port, (error, channel) => {
    return error ? reject(error) : resolve(channel);
  });
});
let text = '';
for await (const chunk of tunnel) {
  text += chunk;
}
client.end();
await once(client, 'close');
target.close();
server.close();
const isEqual = hash.digest('hex') === createHash('sha256').update(data).digest('hex');
console.log(JSON.stringify({ isEqual, exitCode, text }));
