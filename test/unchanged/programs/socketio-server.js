import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { listening } from './listening.js';

const server = createServer();
const io = new Server(server, { maxHttpBufferSize: 1e7 });
io.on('connection', (socket) => {
  socket.on('join', (room, done) => {
    socket.join(room);
    done(io.sockets.adapter.rooms.get(room).size);
  });
  socket.on('say', (room, text) => io.to(room).emit('said', text));
  socket.on('echo', (data, done) => done(data));
});
listening(server);
