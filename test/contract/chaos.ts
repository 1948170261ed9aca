/**
 * Random posts, cancels, closes and resets on many connections, in an order that nobody would think of. In any order,
 * every operation completes once, received bytes are the sent ones in order, and nothing leaks.
 */

import assert from 'node:assert/strict';
import type { CompletionPort, OverlappedSocket } from 'overlapped/port';
import { connectPair, type Dequeuer, listenOn, withPort } from '../support/harness.js';
import { bounded, type Subject } from './subject.js';

const STEPS = 1500;
const SEEDS = 6;
const PAIRS_MAX = 24;

/** A generator of numbers that a seed repeats (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** One end of a connection, and how far its stream is. */
interface End {
  readonly socket: OverlappedSocket;
  peer: End | undefined;
  bytesPosted: number;
  bytesReceived: number;
  shut: boolean;
  gone: boolean;
}

/** Byte `position` of the stream that `end` sends. */
function byteAt(end: End, position: number): number {
  return (position * 7 + (position >> 9) + end.socket.handle) & 255;
}

class Chaos {
  readonly #dequeuer: Dequeuer;
  readonly #port: CompletionPort;
  readonly #random: (below: number) => number;
  readonly #ends: End[] = [];
  readonly #bySocket = new Map<OverlappedSocket, End>();
  readonly #over = new Map<unknown, number>();
  #posted = 0;

  constructor(dequeuer: Dequeuer, seed: number) {
    this.#dequeuer = dequeuer;
    this.#port = dequeuer.port;
    this.#random = randomFrom(seed);
    dequeuer.hook = (completion) => {
      if (completion.context === undefined) {
        return;
      }
      if (!completion.more) {
        this.#over.set(completion.context, (this.#over.get(completion.context) ?? 0) + 1);
      }
      const end = this.#bySocket.get(completion.socket as OverlappedSocket);
      if (completion.kind === 'receive' && completion.bytes > 0 && end?.peer !== undefined) {
        this.#check(end, end.peer, completion.data);
      }
    };
  }

  #check(end: End, peer: End, data: Buffer): void {
    const wrong = data.findIndex((byte, index) => byte !== byteAt(peer, end.bytesReceived + index));
    assert.equal(wrong, -1, `byte ${end.bytesReceived + wrong} of a stream`);
    end.bytesReceived += data.byteLength;
  }

  #tag(): number {
    return ++this.#posted;
  }

  async addPair(): Promise<void> {
    const { client, server, listener } = await connectPair(this.#dequeuer, (socket) => {
      if (this.#random(2) === 0) {
        socket.setOption('sendBufferBytes', 4096);
        socket.setOption('receiveBufferBytes', 2048);
      }
    });
    this.#port.closeSocket(listener);
    const make = (socket: OverlappedSocket): End => {
      const end = { socket, peer: undefined, bytesPosted: 0, bytesReceived: 0, shut: false, gone: false };
      this.#ends.push(end);
      this.#bySocket.set(socket, end);
      return end;
    };
    const first = make(client);
    const second = make(server);
    first.peer = second;
    second.peer = first;
  }

  #payload(end: End, byteLength: number): Buffer {
    const bytes = Buffer.alloc(byteLength);
    for (let index = 0; index < byteLength; index++) {
      bytes[index] = byteAt(end, end.bytesPosted + index);
    }
    end.bytesPosted += byteLength;
    return bytes;
  }

  async step(): Promise<void> {
    const ends = this.#ends.filter((end) => !end.gone);
    const end = ends[this.#random(ends.length)];
    const choice = this.#random(100);
    if (end === undefined || (choice < 3 && ends.length < 2 * PAIRS_MAX)) {
      await this.addPair();
    } else if (choice < 30) {
      this.#dequeuer.take(this.#random(4) === 0 ? 1 : 0);
    } else {
      this.#act(end, choice);
    }
  }

  #act(end: End, choice: number): void {
    const port = this.#port;
    const { socket } = end;
    if (choice < 60) {
      if (socket.readSlot < 0) {
        port.postReceive(socket, { once: this.#random(3) === 0, context: this.#tag() });
      }
    } else if (choice < 75) {
      if (!end.shut) {
        const size = [0, 1, 100, 1024, 1025, 30_000][this.#random(6)] as number;
        port.postSend(socket, this.#payload(end, size), this.#tag());
      }
    } else if (choice < 85) {
      if (!end.shut) {
        const pieces = Array.from({ length: this.#random(200) }, () => this.#payload(end, this.#random(60)));
        port.postSend(socket, pieces, this.#tag());
      }
    } else if (choice < 90) {
      port.cancel(socket, 'receive');
    } else if (choice < 91) {
      // A send that was sent in part leaves a hole: nothing may follow.
      port.cancel(socket, 'send');
      end.shut = true;
    } else if (choice < 94) {
      end.shut = true;
      port.postShutdown(socket, this.#tag());
    } else if (choice < 97) {
      end.gone = true;
      port.closeSocket(socket, { reset: this.#random(2) === 0 });
    } else {
      port.wakeUp();
    }
  }

  /** After the port is closed and drained: every operation has ended once. */
  checkEnds(): void {
    for (let tag = 1; tag <= this.#posted; tag++) {
      assert.equal(this.#over.get(tag), 1, `operation ${tag} of ${this.#posted} ends once`);
    }
  }
}

export function chaos(subject: Subject): void {
  for (let index = 0; index < SEEDS; index++) {
    const seed = Number(process.env.OVERLAPPED_CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31)) + index;
    bounded(`random posts, cancels and closes keep the contract (OVERLAPPED_CHAOS_SEED=${seed})`, async () => {
      let chaos: Chaos | undefined;
      const options = { ...subject.options, bufferCount: [1, 3, 64][index % 3] as number, bufferSizeBytes: 256 };
      await withPort(options, async (dequeuer, port) => {
        listenOn(port);
        chaos = new Chaos(dequeuer, seed);
        for (let count = 0; count < STEPS; count++) {
          await chaos.step();
        }
        port.close();
        // The hook counts the completions of a closed port.
        while (port.statistics().completionsQueued > 0) {
          dequeuer.take();
        }
        assert.equal(port.statistics().lateCompletions, 0);
      });
      chaos?.checkEnds();
    });
  }
}
