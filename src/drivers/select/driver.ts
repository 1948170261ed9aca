/**
 * The driver `select`: completions over select's readiness, on Linux and Windows. `linux.ts` and `windows.ts` are the
 * sets and the call of each system.
 */

import type { Driver, DriverOptions } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { LinuxNonBlocking } from '../linux/non-blocking.js';
import { ReadinessDriver } from '../readiness/driver.js';
import { windowsErrors } from '../windows/errors.js';
import { WindowsNonBlocking } from '../windows/non-blocking.js';
import { LinuxSelect } from './linux.js';
import { SelectPoller } from './poller.js';
import { WindowsSelect } from './windows.js';

export function openSelectOnLinux(options: DriverOptions): Driver {
  const sockets = new LinuxNonBlocking(options.disabledFeatures);
  return new ReadinessDriver(
    {
      name: 'select',
      features: ['more_than_1024_descriptors', ...sockets.features],
      sockets,
      errors: linuxErrors,
      poller: new SelectPoller(new LinuxSelect(options.disabledFeatures), linuxErrors),
    },
    options,
  );
}

export function openSelectOnWindows(options: DriverOptions): Driver {
  const sockets = new WindowsNonBlocking();
  return new ReadinessDriver(
    {
      name: 'select',
      features: ['more_than_64_sockets'],
      sockets,
      errors: windowsErrors,
      poller: new SelectPoller(new WindowsSelect(sockets), windowsErrors),
    },
    options,
  );
}
