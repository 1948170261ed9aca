/**
 * A game gateway: players log in, join a room, and what one does all in the room are told. Messages have a header of a
 * length and a command. Run it with `node dist/examples/gateway.js [PORT]`, and players with gateway-client.js.
 */

import { type Connection, formatAddress, listen } from 'overlapped';
import { commands, type DecodedCommand } from 'overlapped/framing';
import { COMMAND } from './gateway-protocol.js';

interface Player {
  name: string;
  room: string;
}

/** A player must log in within this, however slowly the bytes come. */
const LOGIN_TIMEOUT_MS = 5000;

const server = await listen<Player, DecodedCommand>({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 4567),
  driver: process.argv[3] ?? 'auto',
  framing: commands({ bodyBytesMax: 1024 }),
  // A player who says nothing is asked for a sign of life each ten seconds, and is gone after two without.
  heartbeat: {
    intervalMs: Number(process.argv[4] ?? 10_000),
    ping: { command: COMMAND.ping, body: Buffer.alloc(0) },
    isPong: ({ command }) => command === COMMAND.pong,
  },
  limits: {
    // Players who are too slow for their room lose the connection, not the room its pace.
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
      // Whoever is not logged in is nobody. An error here would be told to `error`; this is no error of ours.
      connection.destroy();
    } else if (command === COMMAND.join) {
      enter(connection, String(body));
    } else if (command === COMMAND.say) {
      tell(player.room, COMMAND.said, `${player.name}: ${String(body)}`);
    }
  },

  close(connection, reason) {
    const { name, room } = connection.context;
    if (name !== '') {
      tell(room, COMMAND.left, name);
      console.log(`${name}: ${reason}`);
    }
  },
});
console.log(`listening on ${formatAddress(server.address)}`);

/** A room is a topic: it is there as long as somebody is in it. */
function enter(connection: Connection<Player>, room: string): void {
  const player = connection.context;
  if (connection.unsubscribe(player.room)) {
    tell(player.room, COMMAND.left, player.name);
  }
  player.room = room;
  connection.subscribe(room);
  tell(room, COMMAND.joined, player.name);
}

/** Tells all in a room: encoded once, and each player's own limits hold. */
function tell(room: string, command: number, text: string): void {
  server.publishMessage(room, { command, body: Buffer.from(text) });
}

process.once('SIGTERM', () => void server.close({ deadlineMs: 1000 }));
