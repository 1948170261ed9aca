/** The messages between the main thread and the threads of a server. */

import type { SocketAddress } from '../base/address.js';
import type { DriverChoice, DriverName } from '../drivers/driver.js';
import type { EngineOptions } from '../engine/engine.js';
import type { HandlerErrorInfo } from '../engine/handlers.js';
import type { GivenContext } from '../engine/secure/server-tls.js';
import type { ListenOptions } from '../engine/server/listen.js';
import type { ServerStatistics } from '../engine/statistics.js';
import type { PackedError } from './errors.js';
import type { Published } from './outbox.js';

/** Engine options that can be posted. */
export type PlainEngineOptions = Omit<EngineOptions, 'driver' | 'onHandlerError'>;

/** The `workerData` of a thread's worker. */
export interface ThreadData {
  readonly thread: number;
  readonly threads: number;
  /** The URL of the module with the handlers. */
  readonly module: string;
  /** Options of `listen` that are plain values. */
  readonly options: ListenOptions;
  readonly engineOptions: PlainEngineOptions;
  readonly driver: DriverChoice;
  /** The contexts of TLS that the server was given before the thread started. */
  readonly contexts: readonly GivenContext[];
  /** The `threadData` of the program. */
  readonly threadData: unknown;
  /** The address at which the main thread accepts for all threads; undefined where each thread listens. */
  readonly acceptedAt: SocketAddress | undefined;
  /** Where each thread listens: whether there may be others at its address. */
  readonly sharesPort: boolean;
  /** The number of open connections of each thread. */
  readonly counts: SharedArrayBuffer;
  /** Counts of the published bytes on their way to the thread, and from it to the main thread. */
  readonly backlogs: { readonly in: SharedArrayBuffer; readonly out: SharedArrayBuffer };
}

export type ToThread =
  | Published
  /** Sockets that the main thread has accepted, as handles of the system. */
  | { readonly kind: 'take'; readonly handles: readonly number[] }
  | { readonly kind: 'statistics'; readonly request: number }
  /** The server's certificate is renewed, or one is added for a name. */
  | ({ readonly kind: 'secureContext' } & GivenContext)
  /** Sent again when the deadline changes. */
  | { readonly kind: 'close'; readonly deadlineMs: number };

export interface ThreadReady {
  readonly address: SocketAddress;
  readonly driver: DriverName;
  readonly skippedDrivers: readonly string[];
  /** At the start of the thread. */
  readonly statistics: ServerStatistics;
}

/** The part of a handler's failure that can be posted. */
export type PostedInfo = Pick<HandlerErrorInfo, 'handler' | 'remoteAddress'>;

export type FromThread =
  /** The thread has declared its foreign functions: it can be terminated from now on. */
  | { readonly kind: 'loaded' }
  | Published
  | ({ readonly kind: 'ready' } & ThreadReady)
  /** The thread cannot start, or its port has failed. It ends. */
  | { readonly kind: 'failed'; readonly error: PackedError }
  | { readonly kind: 'statistics'; readonly request: number; readonly statistics: ServerStatistics }
  | { readonly kind: 'handlerError'; readonly error: PackedError; readonly info: PostedInfo }
  | { readonly kind: 'listenError'; readonly error: PackedError }
  /** The thread's last connection is closed. It ends. */
  | { readonly kind: 'closed'; readonly statistics: ServerStatistics };
