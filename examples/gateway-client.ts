/**
 * A player of the game gateway: `node dist/examples/gateway-client.js PORT NAME` prints the events of its room and sends
 * what you type. `/join ROOM` changes the room.
 */

import { createInterface } from 'node:readline';
import { connect } from 'overlapped';
import { commands } from 'overlapped/framing';
import { COMMAND } from './gateway-protocol.js';

const [port = '4567', name = 'somebody'] = process.argv.slice(2);

const player = await connect({
  host: '127.0.0.1',
  port: Number(port),
  framing: commands({ bodyBytesMax: 1024 }),
  heartbeat: {
    ping: { command: COMMAND.ping, body: Buffer.alloc(0) },
    isPong: ({ command }) => command === COMMAND.pong,
    // The gateway sends pings as well; answer them.
    isPing: ({ command }) => command === COMMAND.ping,
    pong: { command: COMMAND.pong, body: Buffer.alloc(0) },
  },
  message(_, { command, body }) {
    switch (command) {
      case COMMAND.joined:
        console.log(`* ${body} came`);
        break;
      case COMMAND.left:
        console.log(`* ${body} left`);
        break;
      case COMMAND.said:
        console.log(String(body));
    }
  },
  close(_, reason) {
    console.log(`* the gateway is gone: ${reason}`);
    lines.close();
  },
});
player.sendMessage({ command: COMMAND.login, body: Buffer.from(name) });

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const room = /^\/join (.+)/.exec(line)?.[1];
  const [command, text] = room === undefined ? [COMMAND.say, line] : [COMMAND.join, room];
  if (player.writable) {
    player.sendMessage({ command, body: Buffer.from(text) });
  }
});
lines.on('close', () => player.end());
