/**
 * Wakes a port of the driver `node` by a number: in its own thread by a call, and from another thread by a message, as
 * JavaScript has no other way into the event loop of a thread.
 */

import { BroadcastChannel, threadId } from 'node:worker_threads';
import { sharedByCopies } from '../../base/shared-by-copies.js';

/** Threads use different numbers, so that each belongs to one port of the process. */
const NUMBERS_PER_THREAD = 2 ** 32;

/** Channels to ports of other threads that are kept open for the next wake-up. */
const CHANNELS_MAX = 64;

const wakers = sharedByCopies('node-wakers:1', () => ({
  last: threadId * NUMBERS_PER_THREAD,
  byNumber: new Map<number, () => void>(),
  channels: new Map<number, BroadcastChannel>(),
}));

function channelName(descriptor: number): string {
  return `overlapped:wake:${descriptor}`;
}

/** The end of a port. Other threads can wake it until it is closed. */
export class Waker {
  readonly descriptor: number;
  readonly #channel: BroadcastChannel;

  /** @param wake called for each wake-up */
  constructor(wake: () => void) {
    wakers.last++;
    this.descriptor = wakers.last;
    wakers.byNumber.set(this.descriptor, wake);
    this.#channel = new BroadcastChannel(channelName(this.descriptor));
    this.#channel.onmessage = wake;
    (this.#channel as unknown as { unref(): void }).unref();
  }

  close(): void {
    wakers.byNumber.delete(this.descriptor);
    this.#channel.close();
  }
}

/** Wakes the port with this number. Does nothing if it is closed. */
export function wakeNode(descriptor: number): void {
  const wake = wakers.byNumber.get(descriptor);
  if (wake === undefined) {
    channelTo(descriptor).postMessage(0);
  } else {
    wake();
  }
}

function channelTo(descriptor: number): BroadcastChannel {
  const { channels } = wakers;
  let channel = channels.get(descriptor);
  if (channel === undefined) {
    channel = new BroadcastChannel(channelName(descriptor));
    (channel as unknown as { unref(): void }).unref();
    channels.set(descriptor, channel);
    const [oldest] = channels.keys();
    if (channels.size > CHANNELS_MAX && oldest !== undefined) {
      channels.get(oldest)?.close();
      channels.delete(oldest);
    }
  }
  return channel;
}
