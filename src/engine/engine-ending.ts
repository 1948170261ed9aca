/** The end of an engine, by its owner or because its port has failed: all that it runs hears of it. */

import { Connection } from './connection.js';
import { close } from './connection-core/close.js';
import type { CompletionTarget, Engine } from './engine.js';

/** @param error what the engine's port has failed with; undefined when its owner closes the engine */
export function endAll(engine: Engine, error?: Error): void {
  for (const pending of [...engine.pending]) {
    pending.engineClosed();
  }
  for (const { key } of [...engine.port.sockets]) {
    if (key instanceof Connection) {
      close(key, error === undefined ? 'engine_closed' : 'error', error);
    } else if (key !== undefined) {
      endTarget(key as CompletionTarget, error);
    }
  }
}

function endTarget(target: CompletionTarget, error: Error | undefined): void {
  if (error === undefined) {
    target.engineClosed();
  } else {
    target.failed(error);
  }
}
