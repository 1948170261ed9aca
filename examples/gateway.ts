/**
 * A game gateway: players log in, join a room, and get the events of that room. Messages have a header of a length and a
 * command. Run it with `node dist/examples/gateway.js [PORT]`, and players with gateway-client.js.
 */

import { type Connection, type DriverChoice, formatAddress, listen } from 'overlapped';
import { commands, type DecodedCommand } from 'overlapped/framing';
import { COMMAND } from './gateway-protocol.js';

interface Player {
  name: string;
  room: string;
}

/** A player must log in within this time, however slowly the bytes arrive. */
const LOGIN_TIMEOUT_MS = 5000;

const server = await listen<Player, DecodedCommand>({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 4567),
  driver: (process.argv[3] ?? 'auto') as DriverChoice,
  framing: commands({ bodyBytesMax: 1024 }),
  // A silent player is pinged every ten seconds, and disconnected after two unanswered pings.
  heartbeat: {
    intervalMs: Number(process.argv[4] ?? 10_000),
    ping: { command: COMMAND.ping, body: Buffer.alloc(0) },
    isPong: ({ command }) => command === COMMAND.pong,
  },
  limits: {
    // A player who is too slow for the room loses the connection, and does not slow the room down.
    queuedBytesMax: 256 * 1024,
  },

  open(connection) {
    connection.context = { name: '', room: '' };
    connection.setDeadline(LOGIN_TIMEOUT_MS);
  },

  message(connection, { command, body }) {
    const player = connection.context;
    if (command === COMMAND.login && player.name === '') {
      player.name = String(body);
      connection.setDeadline(0);
      enter(connection, 'lobby');
    } else if (player.name === '') {
      // The peer has not logged in. Throwing here would count as an error of this program.
      connection.destroy();
    } else if (command === COMMAND.join) {
      enter(connection, String(body));
    } else if (command === COMMAND.say) {
      sendToRoom(player.room, COMMAND.said, `${player.name}: ${String(body)}`);
    }
  },

  close(connection, reason) {
    const { name, room } = connection.context;
    if (name !== '') {
      sendToRoom(room, COMMAND.left, name);
      console.log(`${name}: ${reason}`);
    }
  },
});
console.log(`listening on ${formatAddress(server.address)}`);

/** A room is a topic: it exists as long as somebody is in it. */
function enter(connection: Connection<Player>, room: string): void {
  const player = connection.context;
  if (connection.unsubscribe(player.room)) {
    sendToRoom(player.room, COMMAND.left, player.name);
  }
  player.room = room;
  connection.subscribe(room);
  sendToRoom(room, COMMAND.joined, player.name);
}

/** Sends a message to all players of a room. It is encoded once, and each player's own limits apply. */
function sendToRoom(room: string, command: number, text: string): void {
  server.publishMessage(room, { command, body: Buffer.from(text) });
}

process.once('SIGTERM', () => void server.close({ deadlineMs: 1000 }));
