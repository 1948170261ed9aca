// Opens keep-alive connections to an HTTP server, makes one request on each, and holds them: `node idle-client.js PORT COUNT`.
import { connect } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
const AT_A_TIME = 50;
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n';
let answered = 0;

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST));
    socket.once('data', (data) => {
      answered += data.includes('200 OK') ? 1 : 0;
      resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      console.log('lost one');
      process.exit(1);
    });
  });
}

for (let opened = 0; opened < count; opened += AT_A_TIME) {
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count - opened) }, open));
}
console.log(`answered ${answered}`);
