/** The echo server of the command line: every byte that comes in goes out again, straight from the buffer it came in. */

import assert from 'node:assert/strict';
import type { Completion, CompletionPort, OverlappedSocket, SocketAddress } from '../index.js';
import type { Activity } from './activity.js';

/** A connection with this many sends that its peer has not taken stops receiving, */
const UNSENT_STOP = 16;

/** and receives again when this many are left. */
const UNSENT_RESUME = 8;

/**
 * With this many receive buffers held by sends of all connections the pool runs short. What comes in is then copied, and
 * a connection stops receiving at UNSENT_STOP_SHORT: peers that never read hold up nobody else, however many they are.
 */
const UNSENT_SHORT = 768;
const UNSENT_STOP_SHORT = 2;

/** Buffers of the port. */
export const ECHO_BUFFERS = 1024;

assert(UNSENT_RESUME < UNSENT_STOP && UNSENT_SHORT + UNSENT_STOP < ECHO_BUFFERS);

/** While draining: a connection that brought nothing for this long has nothing on its way, in ms. */
const QUIET_MS = 100;

/** What the server keeps of a connection: its completion key. */
class Connection {
  /** Bytes received. */
  bytes = 0;
  /** Sends that have not completed. */
  unsent = 0;
  /** A receive is in flight. */
  receiving = true;
  /** It was asked to end. */
  stopping = false;
  /** The peer sends no more. */
  ended = false;
  /** We send no more. */
  shut = false;
  closed = false;
  /** `bytes` when the drain looked last. */
  bytesSeen = -1;
}

export class EchoServer {
  readonly #port: CompletionPort;
  readonly #listener: OverlappedSocket;
  readonly #sockets = new Set<OverlappedSocket>();
  #activity: Activity | undefined;
  /** Sends of all connections that have not completed. */
  #unsent = 0;
  #drained: (() => void) | undefined;
  opened = 0;
  closed = 0;
  /** Receives that brought data, which is what the seed counts. */
  messages = 0;
  bytes = 0;

  /** @throws OperationError what keeps it from listening */
  constructor(port: CompletionPort, address: SocketAddress) {
    this.#port = port;
    this.#listener = port.createSocket(address.family);
    this.#listener.bind(address);
    if (address.family !== 'unix') {
      // Accepted sockets inherit it.
      this.#listener.setOption('noDelay', 1);
    }
    this.#listener.listen();
    port.associate(this.#listener);
  }

  get address(): SocketAddress {
    return this.#listener.localAddress();
  }

  get connections(): number {
    return this.opened - this.closed;
  }

  /** @param onFailure told what keeps the server from accepting */
  start(activity: Activity, onFailure: (error: Error) => void): void {
    this.#activity = activity;
    this.#port.postAccept(this.#listener);
    this.#port.start((completion) => {
      switch (completion.kind) {
        case 'receive':
          this.#received(completion, activity);
          break;
        case 'send':
          this.#sent(completion);
          break;
        case 'accept':
          this.#accepted(completion, activity, onFailure);
          break;
        case 'shutdown':
          this.#shut(completion);
      }
    });
  }

  #received(completion: Completion, activity: Activity): void {
    const connection = completion.key as Connection;
    const { buffer, bytes } = completion;
    if (buffer === undefined || bytes === 0 || connection.closed) {
      this.#receiveEnded(completion, connection);
      return;
    }
    const socket = completion.socket as OverlappedSocket;
    this.messages++;
    this.bytes += bytes;
    connection.bytes += bytes;
    if (!activity.lineDue) {
      activity.happened();
    }
    let stop = UNSENT_STOP;
    if (this.#unsent < UNSENT_SHORT) {
      this.#port.postSendBuffer(socket, buffer, bytes);
    } else {
      this.#port.postSend(socket, Buffer.from(completion.data));
      stop = UNSENT_STOP_SHORT;
    }
    this.#unsent++;
    connection.unsent++;
    if (!completion.more) {
      connection.stopping = false;
      connection.receiving = connection.unsent < stop;
      if (connection.receiving) {
        this.#port.postReceive(socket);
      }
    } else if (connection.unsent >= stop && !connection.stopping) {
      // What is on its way still comes, and is echoed.
      connection.stopping = true;
      this.#port.cancel(socket, 'receive');
    }
  }

  #sent(completion: Completion): void {
    const connection = completion.key as Connection;
    this.#unsent--;
    connection.unsent--;
    if (completion.code !== undefined) {
      this.#close(completion.socket as OverlappedSocket, connection);
    } else if (!connection.receiving) {
      this.#resume(completion.socket as OverlappedSocket, connection);
    }
  }

  /** Receives again, when enough has been sent. */
  #resume(socket: OverlappedSocket, connection: Connection): void {
    if (connection.unsent <= UNSENT_RESUME && !connection.ended && !connection.closed) {
      connection.receiving = true;
      this.#port.postReceive(socket);
    }
  }

  /** A receive without data: the end of the stream, an error, the end that was asked for, or a socket that is closed. */
  #receiveEnded(completion: Completion, connection: Connection): void {
    const socket = completion.socket as OverlappedSocket;
    connection.receiving = completion.more;
    if (connection.closed) {
      return;
    }
    if (completion.code === 'ECANCELED') {
      connection.stopping = false;
      this.#resume(socket, connection);
    } else if (completion.code !== undefined || connection.shut) {
      this.#close(socket, connection);
    } else {
      this.#activity?.ending(socket);
      connection.ended = true;
      connection.shut = true;
      this.#port.postShutdown(socket);
    }
  }

  /** All is sent, and the end of our side too. */
  #shut(completion: Completion): void {
    const connection = completion.key as Connection;
    // While draining, the peer's own end is given a moment to come: closing over unread data would reset the connection.
    if (connection.ended || completion.code !== undefined) {
      this.#close(completion.socket as OverlappedSocket, connection);
    }
  }

  #accepted(completion: Completion, activity: Activity, onFailure: (error: Error) => void): void {
    const { accepted } = completion;
    if (this.#listener.closed) {
      if (accepted !== undefined) {
        this.#port.closeSocket(accepted);
      }
      return;
    }
    if (completion.code !== undefined) {
      onFailure(completion.toError());
      return;
    }
    if (accepted !== undefined) {
      this.opened++;
      this.#sockets.add(accepted);
      this.#port.associate(accepted, new Connection());
      this.#port.postReceive(accepted);
      activity.opened(accepted);
    }
    if (!completion.more) {
      this.#port.postAccept(this.#listener);
    }
  }

  #close(socket: OverlappedSocket, connection: Connection): void {
    if (connection.closed) {
      return;
    }
    connection.closed = true;
    this.closed++;
    this.#activity?.closed(socket, connection.bytes);
    this.#sockets.delete(socket);
    this.#port.closeSocket(socket);
    if (this.#sockets.size === 0) {
      this.#drained?.();
    }
  }

  /**
   * Stops listening, echoes what is on its way, and closes each connection when it is quiet.
   * @param timeoutMs after which the connections that are left are closed as they are
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#port.closeSocket(this.#listener);
    if (this.#sockets.size === 0) {
      return;
    }
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    const look = setInterval(() => this.#closeQuiet(), QUIET_MS);
    const end = setTimeout(() => this.#closeAll(), timeoutMs);
    this.#closeQuiet();
    await drained;
    clearInterval(look);
    clearTimeout(end);
  }

  /** Connections that were quiet since the last look are shut down, then closed. */
  #closeQuiet(): void {
    for (const socket of [...this.#sockets]) {
      const connection = socket.key as Connection;
      if (connection.unsent > 0 || connection.bytes !== connection.bytesSeen) {
        connection.bytesSeen = connection.bytes;
      } else if (connection.shut) {
        this.#close(socket, connection);
      } else {
        connection.shut = true;
        this.#port.postShutdown(socket);
      }
    }
  }

  #closeAll(): void {
    for (const socket of [...this.#sockets]) {
      this.#close(socket, socket.key as Connection);
    }
  }
}
