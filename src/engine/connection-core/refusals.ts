/** Errors for whoever wants more of a connection that has ended, or is over. */

import { OperationError } from '../../base/errors.js';
import type { ConnectionRecord } from './record.js';

/** For a write after our own end. */
export function writeAfterEnd(): OperationError {
  return new OperationError({
    code: 'ERR_STREAM_WRITE_AFTER_END',
    reason: 'The connection was ended on our side',
    syscall: 'write',
  });
}

/** Why a connection that is closing can do no more. */
export function whyClosed({ ending }: ConnectionRecord): Error {
  const reason = `The connection was closed before it had finished: ${ending?.reason}`;
  return ending?.error ?? new OperationError({ code: 'ERR_STREAM_PREMATURE_CLOSE', reason, syscall: 'stream' });
}
