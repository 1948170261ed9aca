/** The receiving side of a connection. */

import type { Completion } from '../port/completion.js';
import { close, finishIfIdle } from './closing.js';
import type { Connection } from './connection.js';
import { armTimer } from './deadlines.js';
import { endSending } from './ending.js';
import { tell, tellData } from './events.js';
import {
  CLOSING,
  END_TOLD,
  ENDING,
  HOLDING,
  OVER_SHARE,
  PAUSED,
  PEER_ENDED,
  RECEIVING,
  RESUMING,
  SHUT,
  STOPPING,
} from './flags.js';

/** Keeps a receive in flight, unless the connection does not want more now. */
export function receive(connection: Connection): void {
  if ((connection.flags & (RECEIVING | HOLDING | PEER_ENDED | CLOSING)) === 0 && connection.held === undefined) {
    const { engine } = connection.group;
    engine.port.postReceive(connection.socket);
    engine.counters.posted.receive++;
    connection.flags |= RECEIVING;
  }
}

/** A completion of the receive in flight. */
export function received(connection: Connection, completion: Completion): void {
  if (!completion.more) {
    connection.flags &= ~(RECEIVING | STOPPING);
  }
  if ((connection.flags & CLOSING) !== 0) {
    finishIfIdle(connection);
    return;
  }
  if (completion.buffer === undefined) {
    receiveEnded(connection, completion);
    return;
  }
  connection.receivedTick = connection.group.engine.wheel.tick;
  if ((connection.flags & HOLDING) !== 0 || connection.held !== undefined) {
    hold(connection, completion);
  } else {
    deliver(connection, completion.data);
  }
  receive(connection);
}

/** Hands bytes to the handlers. */
function deliver(connection: Connection, chunk: Buffer): void {
  const { byteLength } = chunk;
  const { engine, counters, limits } = connection.group;
  connection.bytesRead += byteLength;
  counters.bytesRead += byteLength;
  counters.messagesRead++;
  if (connection.turn !== engine.turn) {
    connection.turn = engine.turn;
    connection.turnBytes = 0;
  }
  connection.turnBytes += byteLength;
  if (connection.turnBytes > limits.turnBytesMax) {
    connection.flags |= OVER_SHARE;
    engine.resumeNextTurn(connection);
  }
  tellData(connection, chunk);
}

/** Keeps bytes for later, and stops a receive that would bring more and more of them. */
function hold(connection: Connection, completion: Completion): void {
  const { port } = connection.group.engine;
  const { data } = completion;
  const chunk = port.poolShort
    ? { buffer: undefined, bytes: Buffer.from(data) }
    : { buffer: completion.take(), bytes: data };
  connection.held ??= [];
  connection.held.push(chunk);
  stopReceiving(connection);
}

function stopReceiving(connection: Connection): void {
  if ((connection.flags & (RECEIVING | STOPPING)) === RECEIVING) {
    connection.flags |= STOPPING;
    connection.group.engine.port.cancel(connection.socket, 'receive');
  }
}

/** A receive without bytes: the end of the stream, an error, or the end that was asked for. */
function receiveEnded(connection: Connection, completion: Completion): void {
  if (completion.code === undefined) {
    connection.flags |= PEER_ENDED;
    if (connection.held === undefined && (connection.flags & HOLDING) === 0) {
      tellEnd(connection);
    }
  } else if (completion.code === 'ECANCELED') {
    receive(connection);
  } else {
    close(connection, completion.code === 'ECONNRESET' ? 'peer_reset' : 'error', completion.toError());
  }
}

/** Everything before the peer's end has been delivered. */
function tellEnd(connection: Connection): void {
  const { engine, limits } = connection.group;
  connection.flags |= END_TOLD;
  connection.phaseTick = engine.wheel.tick;
  tell(connection, 'end');
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  if ((connection.flags & SHUT) !== 0) {
    close(connection, 'finished');
  } else if (!limits.allowHalfOpen && (connection.flags & ENDING) === 0) {
    endSending(connection);
  } else {
    armTimer(connection);
  }
}

export function pause(connection: Connection): void {
  // The receive in flight goes on until it brings something: pausing and resuming between two messages costs nothing.
  connection.flags |= PAUSED;
}

export function resume(connection: Connection): void {
  if ((connection.flags & PAUSED) !== 0) {
    connection.flags &= ~PAUSED;
    connection.group.engine.resumeNextTurn(connection);
  }
}

/** A new turn: what was held is delivered, and more is received. */
export function resumeNow(connection: Connection): void {
  connection.flags &= ~(RESUMING | OVER_SHARE);
  const { held } = connection;
  while (held !== undefined && held.length > 0 && (connection.flags & (HOLDING | CLOSING)) === 0) {
    const chunk = held.shift() as (typeof held)[number];
    try {
      deliver(connection, chunk.bytes);
    } finally {
      chunk.buffer?.release();
    }
  }
  if ((connection.flags & (HOLDING | CLOSING)) !== 0) {
    return;
  }
  connection.held = undefined;
  if ((connection.flags & (PEER_ENDED | END_TOLD)) === PEER_ENDED) {
    tellEnd(connection);
  } else {
    receive(connection);
  }
}
