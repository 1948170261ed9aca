// Connects by polling, by WebSocket, and by polling that is upgraded; all join one room, and each says something there.
import { once } from 'node:events';
import { io } from 'socket.io-client';

const [url] = process.argv.slice(2);
const TRANSPORTS = [['polling'], ['websocket'], ['polling', 'websocket']];
const sockets = TRANSPORTS.map((transports) => io(url, { transports, forceNew: true, reconnection: false }));
await Promise.all(sockets.map((socket) => once(socket, 'connect')));
const heard = [];
const sizes = [];
for (const socket of sockets) {
  socket.on('said', (text) => heard.push(text));
  sizes.push(await socket.emitWithAck('join', 'room'));
}
for (const [index, socket] of sockets.entries()) {
  for (let count = 0; count < 50; count++) {
    socket.emit('say', 'room', `${index}:${count}`);
  }
}
const binary = Buffer.alloc(500_000, 7);
const echoes = await Promise.all(sockets.map((socket) => socket.emitWithAck('echo', binary)));
const expected = sockets.length * sockets.length * 50;
while (heard.length < expected) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const equal = echoes.filter((echo) => binary.equals(echo)).length;
const transports = sockets.map((socket) => socket.io.engine.transport.name).join();
for (const socket of sockets) {
  socket.disconnect();
}
console.log(JSON.stringify({ sizes: sizes.join(), heard: heard.length, equal, transports }));
