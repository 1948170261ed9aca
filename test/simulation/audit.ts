/**
 * The seam between the ports and the simulated network, watched: each operation that is posted ends once, nothing
 * completes that was not posted, and each receive buffer has one owner.
 */

import type { DriverSource, SocketAddress, SocketFamily } from 'overlapped/port';
import type {
  BufferList,
  CompletionSink,
  Driver,
  DriverOptions,
  LoopWatch,
  SocketCalls,
} from '../../src/drivers/driver.js';

export type Complain = (message: string) => void;

interface Posted {
  readonly generation: number;
  readonly kind: string;
}

class AuditedDriver implements Driver {
  readonly #driver: Driver;
  readonly #complain: Complain;
  readonly #counts: Record<string, number>;
  readonly #inFlight = new Map<number, Posted>();
  readonly #lent = new Set<number>();
  readonly #lastGeneration = new Map<number, number>();

  constructor(driver: Driver, complain: Complain, counts: Record<string, number>) {
    this.#driver = driver;
    this.#complain = complain;
    this.#counts = counts;
  }

  get name(): Driver['name'] {
    return this.#driver.name;
  }
  get features(): readonly string[] {
    return this.#driver.features;
  }
  get sockets(): SocketCalls {
    return this.#driver.sockets;
  }
  get errors(): Driver['errors'] {
    return this.#driver.errors;
  }
  get clock(): Driver['clock'] {
    return this.#driver.clock;
  }
  get seesArrivals(): boolean {
    return this.#driver.seesArrivals;
  }
  get readsBetweenCalls(): boolean {
    return this.#driver.readsBetweenCalls;
  }
  get buffersFree(): number {
    return this.#driver.buffersFree;
  }
  get wakeDescriptor(): number {
    return this.#driver.wakeDescriptor;
  }

  associate(socket: number, family: SocketFamily): void {
    this.#driver.associate(socket, family);
  }

  forget(socket: number): void {
    this.#driver.forget(socket);
  }

  #posted(kind: string, slot: number, generation: number): void {
    const other = this.#inFlight.get(slot);
    if (other !== undefined) {
      this.#complain(`${kind} posted in slot ${slot}, where ${other.kind} ${other.generation} is in flight`);
    }
    if (generation < (this.#lastGeneration.get(slot) ?? 0)) {
      this.#complain(`${kind} posted in slot ${slot} with the old generation ${generation}`);
    }
    this.#lastGeneration.set(slot, generation);
    this.#inFlight.set(slot, { generation, kind });
  }

  postAccept(slot: number, generation: number, socket: number): void {
    this.#posted('accept', slot, generation);
    this.#driver.postAccept(slot, generation, socket);
  }

  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void {
    // A wrong address throws, and nothing is in flight then.
    this.#driver.postConnect(slot, generation, socket, address);
    this.#posted('connect', slot, generation);
  }

  postReceive(slot: number, generation: number, socket: number, once: boolean): void {
    this.#posted('receive', slot, generation);
    this.#driver.postReceive(slot, generation, socket, once);
  }

  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void {
    this.#posted('send', slot, generation);
    this.#driver.postSend(slot, generation, socket, address, byteLength, borrowed);
  }

  postSendGather(slot: number, generation: number, socket: number, gather: BufferList): void {
    this.#posted('send', slot, generation);
    this.#driver.postSendGather(slot, generation, socket, gather);
  }

  cancel(slot: number, generation: number, socket: number): void {
    if (this.#inFlight.get(slot)?.generation !== generation) {
      this.#complain(`cancel of slot ${slot} ${generation}, which is not in flight`);
    }
    this.#count('cancel');
    this.#driver.cancel(slot, generation, socket);
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  giveBuffer(index: number): void {
    if (!this.#lent.delete(index)) {
      this.#complain(`buffer ${index} came back and was not lent`);
    }
    this.#driver.giveBuffer(index);
  }

  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void {
    const audited: CompletionSink = {
      complete: (slot, generation, result, more, buffer) => {
        this.#completed(slot, generation, result, more, buffer);
        sink.complete(slot, generation, result, more, buffer);
      },
      wakeUp: (count) => sink.wakeUp(count),
      isInFlight: (slot, generation) => sink.isInFlight(slot, generation),
    };
    this.#driver.poll(audited, completionsMax, timeoutMs);
  }

  #completed(slot: number, generation: number, result: number, more: boolean, buffer: number): void {
    const posted = this.#inFlight.get(slot);
    if (posted?.generation !== generation) {
      this.#complain(`completion for slot ${slot} ${generation}, which is not in flight`);
      return;
    }
    if (!more) {
      this.#inFlight.delete(slot);
    }
    if (buffer >= 0) {
      if (this.#lent.has(buffer)) {
        this.#complain(`buffer ${buffer} lent twice`);
      }
      this.#lent.add(buffer);
    }
    this.#count(result < 0 ? `${posted.kind} ${this.#driver.errors.codeOf(-result)}` : posted.kind);
  }

  hasWork(): boolean {
    return this.#driver.hasWork();
  }

  watch(onReady: () => void): LoopWatch {
    return this.#driver.watch(onReady);
  }

  close(): void {
    if (this.#inFlight.size > 0) {
      this.#complain(`driver closed with ${this.#inFlight.size} operations in flight`);
    }
    this.#driver.close();
  }
}

/** A network whose ports are watched. */
export class AuditedNetwork implements DriverSource {
  readonly #network: DriverSource;
  readonly #complain: Complain;
  /** Completions by kind, and by error where there was one. */
  readonly counts: Record<string, number> = {};

  constructor(network: DriverSource, complain: Complain) {
    this.#network = network;
    this.#complain = complain;
  }

  open(options: DriverOptions): Driver {
    return new AuditedDriver(this.#network.open(options), this.#complain, this.counts);
  }
}
