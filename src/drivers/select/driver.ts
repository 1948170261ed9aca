/** The driver `select`: completions over select's readiness, on any system with Berkeley sockets. */

import type { Driver, DriverOptions } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { MessageBlocks } from '../linux/message-blocks.js';
import { LinuxNonBlocking } from '../linux/non-blocking.js';
import { ReadinessDriver } from '../readiness/driver.js';
import { SelectPoller } from './poller.js';

export function openSelect(options: DriverOptions): Driver {
  return new ReadinessDriver(
    {
      name: 'select',
      features: ['more_than_1024_descriptors'],
      sockets: new LinuxNonBlocking(),
      errors: linuxErrors,
      poller: new SelectPoller(),
      messages: new MessageBlocks(),
    },
    options,
  );
}
