/** Whether this system can run the driver select: tries one call on a wake-up, without waiting. */

import { type ErrorTable, OperationError } from '../../base/errors.js';
import type { Probe } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { windowsErrors } from '../windows/errors.js';
import { WindowsNonBlocking } from '../windows/non-blocking.js';
import { LinuxSelect } from './linux.js';
import type { SelectSystem } from './system.js';
import { WindowsSelect } from './windows.js';

export function probeSelectOnLinux(): Probe {
  return probe(() => new LinuxSelect(new Set()), linuxErrors, 'epoll');
}

export function probeSelectOnWindows(): Probe {
  return probe(() => new WindowsSelect(new WindowsNonBlocking()), windowsErrors, 'iocp');
}

function probe(open: () => SelectSystem, errors: ErrorTable, alternative: string): Probe {
  try {
    const system = open();
    const wake = system.openWake();
    try {
      system.add(wake.readable);
      system.wantRead(wake.readable, true);
      const ready = system.createCall().select(0);
      if (ready < 0 && errors.codeOf(-ready) !== 'EINTR') {
        throw errors.create(-ready, 'select');
      }
    } finally {
      wake.close();
    }
    return { usable: true };
  } catch (error) {
    const known = error instanceof OperationError ? error : undefined;
    return {
      usable: false,
      reason: `select failed: ${known?.message ?? String(error)}`,
      advice: `use the driver ${alternative}`,
      ...(known === undefined ? {} : { code: known.code }),
    };
  }
}
