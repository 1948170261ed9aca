/** Prints a driver's features, and what an echo gave. Argument: the driver. */

import type { DriverChoice } from 'overlapped/port';
import { echoOnce } from '../echo-once.js';

const { port, echoed } = await echoOnce((process.argv[2] ?? 'auto') as DriverChoice);
console.log(JSON.stringify({ features: port.features, echoed }));
