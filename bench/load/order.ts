/** The orders for the load, in lines of JSON, and its answers. */

import type { CpuTime } from '../measuring.js';

/** The work of a server that is measured. */
export type Work =
  /** Echoed messages: on each of the active connections `pipeline` are in flight, the others are silent. */
  | {
      readonly kind: 'echo';
      readonly connections: number;
      readonly active: number;
      readonly sizeBytes: number;
      readonly pipeline: number;
    }
  /** Echoed messages, sent at a fixed rate per second over all connections. */
  | {
      readonly kind: 'paced';
      readonly connections: number;
      readonly perSecond: number;
      readonly sizeBytes: number;
    }
  /** Bytes into the server as fast as it takes them, or out of it as fast as it gives them. */
  | { readonly kind: 'bulk-in' | 'bulk-out'; readonly streams: number }
  /** Messages of 1 MiB after their length, as fast as the server takes them. */
  | { readonly kind: 'framed-in'; readonly streams: number }
  /** Connections that are made, echo one message and end, `inFlight` at a time. */
  | { readonly kind: 'connects'; readonly inFlight: number; readonly sizeBytes: number }
  /** One member sends `burst` messages at once, and all members receive each; `inFlight` bursts at a time. */
  | {
      readonly kind: 'broadcast';
      readonly members: number;
      readonly sizeBytes: number;
      readonly burst: number;
      readonly inFlight: number;
    }
  /** Idle connections: by how much the server's process grows for each, soon after the last activity and much later. */
  | { readonly kind: 'idle'; readonly connections: number; readonly soonMs: number; readonly lateMs: number }
  /** Idle connections: how much memory is in use for each, after a garbage collection. */
  | { readonly kind: 'in-use'; readonly connections: number };

/** A server that waits for the load. */
export interface Target {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** The suite's own backend of a proxy: its time counts as the load's. */
  readonly behindPid?: number;
  /** A program that computes on the server's processor: its time is neither the server's nor other programs'. */
  readonly besidePid?: number;
  /** On SIGUSR2 it collects garbage, and creates this file with the number of bytes that are in use then. */
  readonly inUseFile?: string;
}

export interface LoadOrder extends Target {
  readonly work: Work;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** One measurement. Times are in µs. */
export interface Sample {
  /** Messages, bytes, connections or deliveries. */
  readonly units: number;
  readonly time: number;
  /** The server's. */
  readonly cpu: CpuTime;
  /**
   * Time of both parts of the load and of the backend of a proxy. If it is near `time`, they were at their
   * limit.
   */
  readonly loadCpu: number;
  /** Time of other programs on both processors: if it is large, the sample cannot be trusted. */
  readonly othersCpu: number;
  readonly residentBytes: number;
  readonly latency?: Latency;
  /** Memory of the server for each idle connection. */
  readonly idle?: IdleMemory;
}

/** Bytes for each idle connection. */
export interface IdleMemory {
  /** By how much the process has grown soon after the last activity, and much later. */
  readonly soon?: number;
  readonly late?: number;
  /** In use after a garbage collection; undefined for a server that cannot report it. */
  readonly inUse?: number;
}

/** Round trips: the times that half, 99 % and 99.9 % of them were within; each only where enough of them were longer. */
export interface Latency {
  readonly p50?: number;
  readonly p99?: number;
  readonly p999?: number;
}
