/**
 * An echo server to measure: `node dist/bench/server.js KIND PORT`, KIND being a driver with `:loop` (a port in Node's
 * event loop), `:run` (a port that blocks), `:engine` (`listen`), `:messages` (`listen` with a framing), `:decoding` (bytes,
 * behind a look at the messages in them) or `:threads2` (`listen` on so many threads) behind it, or `net` for node:net.
 */

import { createServer } from 'node:net';
import { type Completion, CompletionPort, type ListenOptions, listen, type OverlappedSocket } from 'overlapped';
import { lengthPrefixed } from 'overlapped/framing';
import { LENGTH_BYTES } from './measuring.js';

const [kind = 'io_uring:run', port = '4567'] = process.argv.slice(2);

const framing = lengthPrefixed({ lengthSize: LENGTH_BYTES });

/** What the engine may echo: bytes; bytes behind a look at the messages in them; or messages. */
const ECHOES: Readonly<Record<string, ListenOptions>> = {
  engine: { data: (connection, chunk) => connection.write(chunk) },
  decoding: {
    data(connection, chunk) {
      framing.decode(chunk, () => true);
      connection.write(chunk);
    },
  },
  messages: { framing, message: (connection, message) => connection.sendMessage(message) },
};

function echoOnPort(driver: string, mode: string): void {
  const completionPort = CompletionPort.create({ driver });
  const listener = completionPort.createSocket('ipv4');
  listener.bind({ family: 'ipv4', address: '127.0.0.1', port: Number(port) });
  listener.setOption('noDelay', 1);
  listener.listen();
  completionPort.associate(listener);
  completionPort.postAccept(listener);
  const handle = (completion: Completion): void => {
    const socket = completion.socket as OverlappedSocket;
    switch (completion.kind) {
      case 'receive':
        if (completion.code !== undefined || completion.buffer === undefined) {
          completionPort.closeSocket(socket);
          return;
        }
        completionPort.postSendBuffer(socket, completion.buffer, completion.bytes);
        if (!completion.more) {
          completionPort.postReceive(socket);
        }
        return;
      case 'accept':
        if (completion.accepted !== undefined) {
          completionPort.associate(completion.accepted);
          completionPort.postReceive(completion.accepted);
        }
        if (!completion.more) {
          completionPort.postAccept(listener);
        }
        return;
      default:
        if (completion.code !== undefined) {
          completionPort.closeSocket(socket);
        }
    }
  };
  console.log('listening');
  if (mode === 'run') {
    completionPort.run(handle);
  } else {
    completionPort.start(handle);
  }
}

if (kind === 'net') {
  createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => socket.write(data));
  }).listen(Number(port), '127.0.0.1', () => console.log('listening'));
} else {
  const [driver = '', mode = ''] = kind.split(':');
  const [, threads] = /^threads(\d+)$/.exec(mode) ?? [];
  if (threads !== undefined) {
    const module = new URL('./echo-handlers.js', import.meta.url);
    await listen({ host: '127.0.0.1', port: Number(port), driver, threads: Number(threads), module });
    console.log('listening');
  } else if (mode in ECHOES) {
    await listen({ host: '127.0.0.1', port: Number(port), driver, ...ECHOES[mode] });
    console.log('listening');
  } else {
    echoOnPort(driver, mode);
  }
}

// For idle.js, on a line: `collect` collects all garbage, whatever else says the memory of this process, and the part
// of it that is in use by V8's heap and by buffers outside of it.
process.stdin.on('data', (line) => {
  if (line.toString().startsWith('collect')) {
    (globalThis as { gc?: () => void }).gc?.();
  } else {
    const { rss, heapUsed, external } = process.memoryUsage();
    console.log(`${rss} ${heapUsed + external}`);
  }
});
