/** Where a completion of a connection's socket goes. */

import type { Completion } from '../../port/completion.js';
import { received } from './receive.js';
import type { ConnectionRecord } from './record.js';
import { sent } from './send.js';
import { finSent } from './shutdown.js';

export function completed(connection: ConnectionRecord, completion: Completion): void {
  switch (completion.kind) {
    case 'receive':
      received(connection, completion);
      break;
    case 'send':
      sent(connection, completion);
      break;
    case 'shutdown':
      finSent(connection, completion);
  }
}
