/** The orders for the load, in lines of JSON, and its answers. */

import type { CpuTime } from '../measuring.js';

/** The request, and its answer: one body, or the same message of a WebSocket. */
export type Protocol =
  | { readonly name: 'http'; readonly body: string }
  | { readonly name: 'websocket'; readonly sizeBytes: number };

/** The work of a server that is measured. */
export type Work =
  /**
   * Requests, one in flight on each connection: each when the last one is answered, or at a fixed rate per second over all
   * connections.
   */
  | {
      readonly kind: 'requests';
      readonly protocol: Protocol;
      readonly connections: number;
      readonly perSecond?: number;
    }
  /** Commands of a client of Redis, which the load answers. */
  | { readonly kind: 'redis' }
  /** Echoed messages: `pipeline` of them are in flight on each active connection; the others are silent. */
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
  /** Bytes into the server as fast as it takes them, or out of it as fast as it sends them. */
  | { readonly kind: 'bulk-in' | 'bulk-out'; readonly streams: number }
  /** Messages of 1 MiB after their length, as fast as the server takes them. */
  | { readonly kind: 'framed-in'; readonly streams: number }
  /**
   * Connections that are made, echo one message and end, `inFlight` at a time. Over TLS, those that resume have the session of
   * an earlier one; by default each has a full handshake.
   */
  | {
      readonly kind: 'connects';
      readonly inFlight: number;
      readonly sizeBytes: number;
      readonly resumes?: boolean;
    }
  /** One member sends `burst` messages at once, and all members receive each; `inFlight` bursts at a time. */
  | {
      readonly kind: 'broadcast';
      readonly members: number;
      readonly sizeBytes: number;
      readonly burst: number;
      readonly inFlight: number;
    }
  /** Idle connections: the growth of the server's process for each, soon after the last activity and much later. */
  | {
      readonly kind: 'idle';
      readonly connections: number;
      readonly soonMs: number;
      readonly lateMs: number;
      /** They are of HTTP, and this is the body of its answers; echo by default. */
      readonly body?: string;
    }
  /** Idle connections: how much memory is in use for each, after a garbage collection. */
  | { readonly kind: 'in-use'; readonly connections: number };

/** A server that waits for the load. */
export interface Target {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** The backend of a proxy, which is the suite's own: its time counts as the load's. */
  readonly backendPid?: number;
  /** A program that computes on the server's processor: its time is neither the server's nor other programs'. */
  readonly computingPid?: number;
  /** Its connections are of TLS: the file of the authority that has signed its certificate, in PEM. */
  readonly tls?: { readonly authorityFile: string };
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
  /** The growth of the process, soon after the last activity and much later. */
  readonly soon?: number;
  readonly late?: number;
  /** In use after a garbage collection; undefined for a server that cannot report it. */
  readonly inUse?: number;
}

/** Percentiles of the round trips; each only if enough of them took longer. */
export interface Latency {
  readonly p50?: number;
  readonly p99?: number;
  readonly p999?: number;
}
