/** Whether this runtime can run the driver `node`: its sockets must have the handles of Node's. */

import { RUNTIME_TITLES, runtime } from '../../base/runtime.js';
import type { Probe } from '../driver.js';
import { hasHandles } from './handles.js';

export function probeNode(): Probe {
  return hasHandles
    ? { usable: true }
    : {
        usable: false,
        reason: `The net module of ${RUNTIME_TITLES[runtime]} has no handles that can be bound`,
        advice: 'use Node, or a driver of the system',
      };
}
