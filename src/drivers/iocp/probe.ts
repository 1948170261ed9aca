/** Whether this system can run the driver iocp: tries to create a completion port. */

import { OperationError } from '../../base/errors.js';
import type { Probe } from '../driver.js';
import { NativePort } from './completion-port.js';

/** A feature name for `disabledFeatures`: operations that complete immediately bring no packet. */
export const SKIP_SUCCESS = 'skip_completion_port_on_success';

export function probeIocp(): Probe {
  try {
    new NativePort().close();
    return { usable: true };
  } catch (error) {
    const reason = error instanceof OperationError ? error.message : String(error);
    return { usable: false, reason: `no completion port: ${reason}`, advice: 'use the driver select' };
  }
}
