/** The choices of a seed before anything happens: how the network fails, and the options of ports, servers and clients. */

import type { ConnectionLimits, ConnectionTimeouts, EngineOptions, ListenLimits, ListenOptions } from 'overlapped';
import { type Framing, lengthPrefixed } from 'overlapped/framing';
import type { SimFaults } from 'overlapped/sim';
import type { Chance } from './chance.js';

/** Limits and sizes that servers and clients share. */
type Settings = Pick<ListenOptions, 'allowHalfOpen' | 'receiveBufferBytes' | 'sendBufferBytes' | 'limits' | 'timeouts'>;

const TIME_MS_MAX = 4000;

function withoutUndefined<T extends object>(options: { [Name in keyof T]: T[Name] | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** @param framed whether the bytes are messages */
export function chooseSettings(chance: Chance, framed: boolean): Settings {
  const allowHalfOpen = chance.rate(0.5);
  const lingerMs = chance.pick([undefined, undefined, undefined, 0, 50, 1000]);
  const limits = withoutUndefined<ConnectionLimits>({
    highWaterMarkBytes: chance.maybeSize(0.7, 1, 65_536),
    queuedBytesMax: chance.maybeSize(0.4, 2000, 500_000),
    roundBytesMax: chance.maybeSize(0.5, 1, 100_000),
  });
  const timeouts = withoutUndefined<ConnectionTimeouts>({
    lingerMs,
    idleMs: chance.maybeSize(0.2, 100, TIME_MS_MAX),
    firstByteMs: chance.maybeSize(0.2, 100, TIME_MS_MAX),
    writeStallMs: chance.maybeSize(0.4, 50, TIME_MS_MAX),
    halfClosedMs: chance.maybeSize(0.4, 50, TIME_MS_MAX),
    shutdownMs: chance.maybeSize(0.4, 50, TIME_MS_MAX),
    messageMs: framed ? chance.maybeSize(0.4, 50, TIME_MS_MAX) : undefined,
  });
  const sizes = withoutUndefined<Settings>({
    sendBufferBytes: chance.maybeSize(0.5, 256, 65_536),
    receiveBufferBytes: chance.maybeSize(0.5, 256, 65_536),
  });
  const heldBytesMax = chance.maybeSize(0.08, 1, 2000);
  return { allowHalfOpen, ...sizes, timeouts, limits: withoutUndefined<ConnectionLimits>({ ...limits, heldBytesMax }) };
}

/** Whether the bytes of a scenario are messages. */
export function chooseFraming(chance: Chance): Framing<Buffer, Uint8Array> | undefined {
  const lengthSize = chance.pick([2, 4, 'varint'] as const);
  return chance.rate(0.25) ? lengthPrefixed({ lengthSize }) : undefined;
}

export function chooseServerLimits(chance: Chance): {
  readonly limits: ListenLimits;
  readonly backlog: Pick<ListenOptions, 'backlog'>;
} {
  const limits = withoutUndefined<ListenLimits>({
    connectionsMax: chance.maybeSize(0.25, 1, 8),
    connectionsPerAddressMax: chance.maybeSize(0.25, 1, 6),
    acceptsPerRoundMax: chance.maybeSize(0.3, 1, 4),
  });
  return { limits, backlog: withoutUndefined({ backlog: chance.maybeSize(0.2, 1, 5) }) };
}

export function chooseEngine(chance: Chance): Omit<EngineOptions, 'driver'> {
  return withoutUndefined<Omit<EngineOptions, 'driver'>>({
    bufferCount: chance.pick([1, 2, 3, 4, 8, 16, 64]),
    bufferSizeBytes: chance.pick([64, 128, 256, 1024, 1024, 4096, 4096]),
    poisonReleasedBuffers: chance.rate(0.8),
    engineQueuedBytesMax: chance.maybeSize(0.25, 3000, 200_000),
    engineHeldBytesMax: chance.maybeSize(0.08, 1, 4000),
  });
}

/** Times by which a fault delays things, in ms: none, short, or long ones. */
function chooseRange(chance: Chance): readonly [number, number] {
  return [0, chance.pick([0.05, 1, 5, 20, 100, 300])];
}

export function chooseFaults(chance: Chance): Partial<SimFaults> {
  const rate = (likely: number, rates: readonly number[]): number | undefined =>
    chance.rate(likely) ? chance.pick(rates) : undefined;
  const range = (likely: number): readonly [number, number] | undefined =>
    chance.rate(likely) ? chooseRange(chance) : undefined;
  return withoutUndefined<Partial<SimFaults>>({
    shortReceives: rate(0.35, [0.1, 0.5, 1]),
    shortSends: rate(0.35, [0.1, 0.5, 1]),
    reorderedCompletions: rate(0.35, [0.1, 0.5, 1]),
    resets: rate(0.15, [0.002, 0.02]),
    refusedConnects: rate(0.15, [0.2]),
    lostConnects: rate(0.15, [0.2]),
    noBuffers: rate(0.25, [0.1, 0.5]),
    endedMultishots: rate(0.3, [0.1, 0.5, 1]),
    deliveryDelayMs: range(0.5),
    connectDelayMs: range(0.3),
    operationDelayMs: range(0.3),
    completionDelayMs: range(0.35),
    cancelDelayMs: range(0.35),
    socketsMax: chance.rate(0.08) ? chance.between(3, 20) : undefined,
  });
}

/** The longest that a fault can keep something on its way, in ms. */
export function longestDelayMs(faults: Partial<SimFaults>): number {
  const ranges = [
    faults.deliveryDelayMs,
    faults.connectDelayMs,
    faults.operationDelayMs,
    faults.completionDelayMs,
    faults.cancelDelayMs,
  ];
  // One after the other at the worst.
  return ranges.reduce((sum, range) => sum + (range?.[1] ?? 0), 0);
}

/** Bytes that one end sends, so that a seed of tiny buffers does not take longer than all others together. */
export function bytesMaxOf(engines: readonly Omit<EngineOptions, 'driver'>[], settings: readonly Settings[]): number {
  const sizes = [
    ...engines.map(({ bufferSizeBytes }) => bufferSizeBytes ?? 4096),
    ...settings.flatMap(({ sendBufferBytes, receiveBufferBytes }) => [
      sendBufferBytes ?? 65_536,
      receiveBufferBytes ?? 65_536,
    ]),
  ];
  return Math.min(200_000, 200 * Math.min(...sizes));
}
