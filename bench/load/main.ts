/**
 * The load: `node dist/bench/load/main.js` carries out the order in each line of its input, one after the other, and
 * prints a line with the measured sample for each, as JSON.
 */

import { createInterface } from 'node:readline';
import { broadcast } from './broadcast.js';
import { bulkIn, bulkOut, framedIn } from './bulk.js';
import { connects } from './connects.js';
import { echo } from './echo.js';
import { idle, inUse } from './idle.js';
import type { LoadOrder, Sample } from './order.js';
import { paced } from './paced.js';
import { redis } from './redis.js';
import { requests } from './requests.js';

function obey(order: LoadOrder): Sample {
  const { work } = order;
  switch (work.kind) {
    case 'echo':
      return echo(order, work);
    case 'paced':
      return paced(order, work);
    case 'requests':
      return requests(order, work);
    case 'redis':
      return redis(order);
    case 'bulk-in':
      return bulkIn(order, work.streams);
    case 'framed-in':
      return framedIn(order, work.streams);
    case 'bulk-out':
      return bulkOut(order, work.streams);
    case 'connects':
      return connects(order, work);
    case 'broadcast':
      return broadcast(order, work);
    case 'idle':
      return idle(order, work);
    case 'in-use':
      return inUse(order, work);
  }
}

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const sample = obey(JSON.parse(line) as LoadOrder);
    process.stdout.write(`${JSON.stringify(sample)}\n`);
  }
} catch (error) {
  // One line, which the suite repeats: the rest of the trace has nothing about the server.
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`, () => process.exit(1));
}
