/** What the load is told to do, in lines of JSON, and what it answers in others. */

import type { CpuTime } from '../measuring.js';

/** What a server does that is to be measured. */
export type Work =
  /** Messages that come back: on each of the active connections `pipeline` are in flight, the others say nothing. */
  | {
      readonly kind: 'echo';
      readonly connections: number;
      readonly active: number;
      readonly sizeBytes: number;
      readonly pipeline: number;
    }
  /** Messages that come back, sent when their time has come: so many a second, over all connections. */
  | {
      readonly kind: 'paced';
      readonly connections: number;
      readonly perSecond: number;
      readonly sizeBytes: number;
    }
  /** Bytes into the server as fast as it takes them, or out of it as fast as it gives them. */
  | { readonly kind: 'bulk-in' | 'bulk-out'; readonly streams: number }
  /** Connections that are made, echo one message and end, so many at a time. */
  | { readonly kind: 'connects'; readonly inFlight: number; readonly sizeBytes: number }
  /** One member speaks, `burst` messages at once, and all hear each; so many bursts are on their way at a time. */
  | {
      readonly kind: 'broadcast';
      readonly members: number;
      readonly sizeBytes: number;
      readonly burst: number;
      readonly inFlight: number;
    }
  /** Connections that say nothing: by how much the server's process grows for each. */
  | { readonly kind: 'idle'; readonly connections: number; readonly settleMs: number };

/** A server that waits for the load. */
export interface Target {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** The suite's own server behind a proxy: its time is the load's. */
  readonly behindPid?: number;
  /** It collects garbage when it is sent SIGUSR2. */
  readonly collects: boolean;
}

export interface LoadOrder extends Target {
  readonly work: Work;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** What was measured once. Times are in µs. */
export interface Sample {
  /** Messages, bytes, connections or deliveries. */
  readonly units: number;
  readonly time: number;
  /** Of the server. */
  readonly cpu: CpuTime;
  /** Of the load, both parts together, and of the server behind a proxy: near `time`, it was they that were at their limit. */
  readonly loadCpu: number;
  /** Of other programs on both processors: where it is much, nothing here is to be trusted. */
  readonly othersCpu: number;
  readonly residentBytes: number;
  readonly latency?: Latency;
  /** Of the server's process for each idle connection. */
  readonly growthBytes?: number;
}

/** Round trips: the times that half, 99 % and 99.9 % of them were within; each only where enough of them were longer. */
export interface Latency {
  readonly p50?: number;
  readonly p99?: number;
  readonly p999?: number;
}
