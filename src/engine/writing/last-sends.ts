/**
 * Bytes that were written last leave although the process, or the thread, ends before the next round: a program may write,
 * and exit at once. With sockets of Node the system has them by then.
 */

import { isMainThread } from 'node:worker_threads';
import { process } from '../../base/runtime.js';
import { CompletionBatch } from '../../port/completion.js';
import type { CompletionPort } from '../../port/completion-port.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { sentLast } from '../connection-core/send.js';
import type { Scheduler } from '../scheduling/scheduler.js';

/** @internal An engine, as far as its last sends are concerned. */
export interface EndingEngine {
  readonly port: CompletionPort;
  readonly scheduler: Pick<Scheduler<ConnectionRecord>, 'flushWrites' | 'turnsEnd'>;
  /** Whether its connections end when their thread ends, as sockets of Node do. By default they are reset. */
  readonly endsWithThread: boolean;
}

/** The most rounds of last sends. Each ends with asking the system for the bytes that it has taken. */
const ROUNDS_MAX = 8;

const engines = new Set<EndingEngine>();

let listens = false;

export function engineOpened(engine: EndingEngine): void {
  engines.add(engine);
  if (!listens) {
    listens = true;
    // Before the ports of a thread are closed.
    process.prependListener('exit', sendAll);
  }
}

export function engineClosed(engine: EndingEngine): void {
  engines.delete(engine);
}

function sendAll(): void {
  for (const engine of engines) {
    let isSending = false;
    const send = (): void => {
      if (!isSending) {
        isSending = true;
        sendLast(engine);
        isSending = false;
      }
    };
    // Other listeners may write as well.
    engine.scheduler.turnsEnd({ wantTurn: send });
    send();
    if (engine.endsWithThread && !isMainThread) {
      endConnections(engine);
    }
  }
}

/** Ends the connections that have nothing left to send. The others are reset, because their streams were cut. */
function endConnections({ port }: EndingEngine): void {
  for (const socket of [...port.sockets]) {
    if ((socket.key as Partial<ConnectionRecord> | undefined)?.queuedBytes === 0) {
      port.closeSocket(socket);
    }
  }
}

/** Passes what was written to the system, as far as it takes it at once. No handler is called. */
function sendLast({ port, scheduler }: EndingEngine): void {
  try {
    const batch = new CompletionBatch();
    for (let round = 0; round < ROUNDS_MAX && !port.isClosed; round++) {
      scheduler.flushWrites();
      if (port.getQueuedCompletions(batch, 0) === 0) {
        return;
      }
      for (let index = 0; index < batch.length; index++) {
        const completion = batch.entries[index];
        if (completion?.kind === 'send') {
          sentLast(completion.key as ConnectionRecord, completion);
        }
      }
    }
  } catch {
    // An engine that fails must not keep the others, and the listeners of the program, from their calls.
  }
}
