/** A driver that does nothing by itself: tests decide which operations complete, when, and how, also in impossible ways. */

import type { SocketAddress } from '../../src/base/address.js';
import { systemClock } from '../../src/base/clock.js';
import type { BufferList, CompletionSink, Driver, LoopWatch, SocketCalls } from '../../src/drivers/driver.js';
import { linuxErrors } from '../../src/drivers/linux/errors.js';

/** One post that the driver was given. */
export interface Posted {
  readonly what: 'accept' | 'connect' | 'receive' | 'send' | 'gather' | 'cancel';
  readonly slot: number;
  readonly generation: number;
  readonly socket: number;
  readonly byteLength: number;
}

export class FakeDriver implements Driver {
  readonly name = 'epoll';
  readonly features: readonly string[] = [];
  readonly errors = linuxErrors;
  readonly clock = systemClock;
  readonly seesArrivals = false;
  readonly readsBetweenCalls = false;
  readonly wakeDescriptor = -1;
  readonly posted: Posted[] = [];
  readonly given: number[] = [];
  readonly closedSockets: number[] = [];
  readonly forgotten: number[] = [];
  buffersFree = 0;
  shutdownError = 0;

  readonly sockets: SocketCalls = {
    hasReceiveLowWater: false,
    sharesPorts: false,
    socketsMax: () => Infinity,
    create: () => 3,
    bind: () => undefined,
    listen: () => undefined,
    reachIpv4: () => undefined,
    localAddress: (): SocketAddress => ({ family: 'unix', path: '' }),
    remoteAddress: (): SocketAddress => ({ family: 'unix', path: '' }),
    setOption: () => undefined,
    getOption: () => 0,
    sendProgress: () => undefined,
    shutdownSend: () => {
      if (this.shutdownError > 0) {
        throw linuxErrors.create(this.shutdownError, 'shutdown');
      }
    },
    shutdownBoth: () => undefined,
    removePath: () => undefined,
    close: (socket) => {
      this.closedSockets.push(socket);
    },
  };

  associate(): void {}

  forget(socket: number): void {
    this.forgotten.push(socket);
  }

  #add(what: Posted['what'], slot: number, generation: number, socket: number, byteLength = 0): void {
    this.posted.push({ what, slot, generation, socket, byteLength });
  }

  postAccept(slot: number, generation: number, socket: number): void {
    this.#add('accept', slot, generation, socket);
  }

  postConnect(slot: number, generation: number, socket: number): void {
    this.#add('connect', slot, generation, socket);
  }

  postReceive(slot: number, generation: number, socket: number): void {
    this.#add('receive', slot, generation, socket);
  }

  postSend(slot: number, generation: number, socket: number, _address: number, byteLength: number): void {
    this.#add('send', slot, generation, socket, byteLength);
  }

  postSendGather(slot: number, generation: number, socket: number, gather: BufferList): void {
    let byteLength = 0;
    for (let index = 0; index < gather.count; index++) {
      byteLength += gather.lengths[index] as number;
    }
    this.#add('gather', slot, generation, socket, byteLength);
  }

  cancel(slot: number, generation: number, socket: number): void {
    this.#add('cancel', slot, generation, socket);
  }

  giveBuffer(index: number): void {
    this.given.push(index);
    this.buffersFree++;
  }

  poll(_sink: CompletionSink): void {}

  hasWork(): boolean {
    return false;
  }

  watch(): LoopWatch {
    throw new Error('A fake driver is not watched');
  }

  close(): void {}
}
