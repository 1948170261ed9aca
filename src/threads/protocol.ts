/** What the main thread and the threads of a server say to each other. */

import type { SocketAddress } from '../base/address.js';
import type { DriverChoice, DriverName } from '../drivers/driver.js';
import type { EngineOptions } from '../engine/engine.js';
import type { HandlerErrorInfo } from '../engine/handlers.js';
import type { ListenOptions } from '../engine/server/listen.js';
import type { ServerStatistics } from '../engine/statistics.js';
import type { PackedError } from './errors.js';
import type { Published } from './publications.js';

/** Engine options that can be posted. */
export type PlainEngineOptions = Omit<EngineOptions, 'driver' | 'onHandlerError'>;

/** What a thread begins with: its worker's `workerData`. */
export interface ThreadData {
  readonly thread: number;
  readonly threads: number;
  /** The URL of the module with the handlers. */
  readonly module: string;
  /** Options of `listen` that are plain values. */
  readonly options: ListenOptions;
  readonly engineOptions: PlainEngineOptions;
  readonly driver: DriverChoice;
  /** Where the main thread listens, if it does, and accepts for all. */
  readonly acceptedAt: SocketAddress | undefined;
  /** Open connections of each thread. */
  readonly counts: SharedArrayBuffer;
  /** Of what is published, on its way to the thread, and from it to the main thread. */
  readonly backlogs: { readonly in: SharedArrayBuffer; readonly out: SharedArrayBuffer };
}

export type ToThread =
  | Published
  /** Sockets that the main thread has accepted, by their system's handles. */
  | { readonly kind: 'take'; readonly handles: readonly number[] }
  | { readonly kind: 'statistics'; readonly request: number }
  /** Comes again when the deadline is another. */
  | { readonly kind: 'close'; readonly deadlineMs: number };

export interface ThreadReady {
  readonly address: SocketAddress;
  readonly driver: DriverName;
  readonly skippedDrivers: readonly string[];
  /** At its beginning. */
  readonly statistics: ServerStatistics;
}

/** Of a handler's failure: what can be posted. */
export type PostedInfo = Pick<HandlerErrorInfo, 'handler' | 'remoteAddress'>;

export type FromThread =
  /** It has declared the functions that it calls: it can be terminated from now on. */
  | { readonly kind: 'loaded' }
  | Published
  | ({ readonly kind: 'ready' } & ThreadReady)
  /** It cannot start, and ends. */
  | { readonly kind: 'failed'; readonly error: PackedError }
  | { readonly kind: 'statistics'; readonly request: number; readonly statistics: ServerStatistics }
  | { readonly kind: 'handlerError'; readonly error: PackedError; readonly info: PostedInfo }
  | { readonly kind: 'listenError'; readonly error: PackedError }
  /** Its last connection is closed, and it ends. */
  | { readonly kind: 'closed'; readonly statistics: ServerStatistics };
