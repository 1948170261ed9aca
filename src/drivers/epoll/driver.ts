/** The driver `epoll`: completions over epoll's readiness. */

import type { Driver, DriverOptions } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { LinuxNonBlocking } from '../linux/non-blocking.js';
import { ReadinessDriver } from '../readiness/driver.js';
import { EpollPoller } from './poller.js';

export function openEpoll(options: DriverOptions): Driver {
  const sockets = new LinuxNonBlocking(options.disabledFeatures);
  return new ReadinessDriver(
    {
      name: 'epoll',
      features: ['edge_triggered', ...sockets.features],
      sockets,
      errors: linuxErrors,
      poller: new EpollPoller(options.disabledFeatures),
    },
    options,
  );
}
