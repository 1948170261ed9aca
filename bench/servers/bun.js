/**
 * Servers on Bun's own sockets: `bun bench/servers/bun.js ROLE [PORT]`. Bytes that `write` did not take are kept and
 * sent in `drain`, as its documentation shows.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const [word = 'echo', backend = '0'] = process.argv.slice(2);
const isTls = word.startsWith('tls-');
const role = word.replace(/^tls-/, '');
const MIB = 1024 * 1024;
const HOST = '127.0.0.1';
const MESSAGE_BYTES = 100;
const LENGTH_BYTES = 4;
const BLOCK = Uint8Array.from({ length: 65536 }, (_, index) => index * 7 + (index >> 8));

function send(socket, bytes) {
  if (socket.data.waiting !== undefined) {
    socket.data.waiting = Buffer.concat([socket.data.waiting, bytes]);
    return;
  }
  const written = socket.write(bytes);
  if (written >= 0 && written < bytes.length) {
    socket.data.waiting = Buffer.from(bytes.subarray(written));
  }
}

function drain(socket) {
  const { waiting } = socket.data;
  if (waiting !== undefined) {
    socket.data.waiting = undefined;
    send(socket, waiting);
  }
}

function sendBlocks(socket) {
  for (;;) {
    const written = socket.write(BLOCK.subarray(socket.data.place));
    if (written <= 0) {
      return;
    }
    socket.data.place = (socket.data.place + written) % BLOCK.length;
  }
}

const members = new Set();

const PROGRAMS = {
  echo: { data: send, drain },
  sink: {
    data(socket, chunk) {
      const missing = MIB - (socket.data.bytes % MIB);
      socket.data.bytes += chunk.length;
      if (chunk.length >= missing) {
        socket.write(chunk.subarray(missing - 1, missing));
      }
    },
  },
  framed: {
    data(socket, chunk) {
      const { data } = socket;
      let place = 0;
      while (place < chunk.length) {
        if (data.message === undefined) {
          data.length = data.length * 256 + chunk[place++];
          if (++data.lengthBytes === LENGTH_BYTES) {
            data.message = Buffer.allocUnsafe(data.length);
            data.length = data.lengthBytes = data.messageBytes = 0;
          }
          continue;
        }
        const taken = chunk.copy(data.message, data.messageBytes, place);
        place += taken;
        data.messageBytes += taken;
        if (data.messageBytes === data.message.length) {
          data.messages++;
          socket.write(data.message.subarray(-1));
          data.message = undefined;
        }
      }
    },
  },
  source: { open: sendBlocks, drain: sendBlocks, data() {} },
  broadcast: {
    open(socket) {
      members.add(socket);
      send(socket, Buffer.from('!'));
    },
    data(_, chunk) {
      for (let place = 0; place < chunk.length; place += MESSAGE_BYTES) {
        const message = chunk.subarray(place, place + MESSAGE_BYTES);
        for (const member of members) {
          send(member, message);
        }
      }
    },
    close: (socket) => members.delete(socket),
    drain,
  },
  proxy: {
    async open(client) {
      // Bytes that the client sends meanwhile wait like the bytes for it.
      const other = await Bun.connect({
        hostname: HOST,
        port: Number(backend),
        socket: {
          open(socket) {
            socket.setNoDelay(true);
            socket.data = { waiting: undefined };
          },
          data: (_, chunk) => send(client, chunk),
          drain,
          close: () => client.end(),
        },
      });
      client.data.other = other;
      for (const chunk of client.data.early) {
        send(other, chunk);
      }
    },
    data(client, chunk) {
      if (client.data.other === undefined) {
        client.data.early.push(chunk);
      } else {
        send(client.data.other, chunk);
      }
    },
    drain,
    close: (client) => client.data.other?.end(),
  },
};

const program = PROGRAMS[role];
const server = Bun.listen({
  hostname: HOST,
  port: 0,
  ...(isTls && {
    tls: { cert: readFileSync(process.env.TLS_CERT_FILE), key: readFileSync(process.env.TLS_KEY_FILE) },
  }),
  socket: {
    ...program,
    open(socket) {
      socket.setNoDelay(true);
      socket.data = { waiting: undefined, place: 0, bytes: 0, early: [] };
      if (role === 'framed') {
        Object.assign(socket.data, { message: undefined, messageBytes: 0, length: 0, lengthBytes: 0, messages: 0 });
      }
      program.open?.(socket);
    },
  },
});
const inUseFile = process.env.IN_USE_FILE;
if (inUseFile !== undefined) {
  process.on('SIGUSR2', () => {
    Bun.gc(true);
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(`${inUseFile}.part`, String(heapUsed + external));
    renameSync(`${inUseFile}.part`, inUseFile);
  });
}
console.log(server.port);
