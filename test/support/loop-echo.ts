/** An echo server in the event loop of the test, with half-close: what most tests of the pump run. */

import type { CompletionHandler, CompletionPort, CompletionPortOptions, OverlappedSocket } from 'overlapped/port';
import { LOOPBACK, portOf } from './harness.js';
import { createPort } from './leftovers.js';

export class LoopEcho {
  readonly port: CompletionPort;
  readonly listener: OverlappedSocket;
  readonly number: number;
  opened = 0;
  closed = 0;
  received = 0;
  /** Received bytes are not sent back. */
  silent = false;
  /** Called before the echo's own handling. */
  before: CompletionHandler | undefined;

  constructor(options: CompletionPortOptions) {
    this.port = createPort(options);
    this.listener = this.port.createSocket('ipv4');
    this.listener.bind(LOOPBACK);
    this.listener.listen();
    this.number = portOf(this.listener);
    this.port.associate(this.listener);
    this.port.postAccept(this.listener);
  }

  start(): this {
    this.port.start(this.handler);
    return this;
  }

  readonly handler: CompletionHandler = (completion) => {
    this.before?.(completion);
    const { port } = this;
    const socket = completion.socket as OverlappedSocket;
    if (completion.kind === 'accept') {
      if (completion.accepted !== undefined) {
        this.opened++;
        port.associate(completion.accepted);
        port.postReceive(completion.accepted);
      }
      if (!completion.more && !socket.closed) {
        port.postAccept(socket);
      }
    } else if (socket === undefined || socket.closed) {
      return;
    } else if (completion.code !== undefined || completion.kind === 'shutdown') {
      this.closed++;
      port.closeSocket(socket);
    } else if (completion.kind === 'receive' && completion.bytes === 0) {
      port.postShutdown(socket);
    } else if (completion.kind === 'receive') {
      this.received += completion.bytes;
      if (!this.silent) {
        port.postSend(socket, completion.data);
      }
      if (!completion.more) {
        port.postReceive(socket);
      }
    }
  };
}
