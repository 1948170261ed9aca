/** The load: `node dist/bench/load/main.js ORDER` does what the order says and prints what it measured, as JSON. */

import { broadcast } from './broadcast.js';
import { bulkIn, bulkOut } from './bulk.js';
import { connects } from './connects.js';
import { echo } from './echo.js';
import { idle } from './idle.js';
import type { LoadOrder, Sample } from './order.js';

async function obey(order: LoadOrder): Promise<Sample> {
  const { work } = order;
  switch (work.kind) {
    case 'echo':
      return echo(order, work);
    case 'bulk-in':
      return bulkIn(order, work.streams);
    case 'bulk-out':
      return bulkOut(order, work.streams);
    case 'connects':
      return connects(order, work);
    case 'broadcast':
      return broadcast(order, work);
    case 'idle':
      return idle(order, work);
  }
}

try {
  const sample = await obey(JSON.parse(process.argv[2] ?? '{}') as LoadOrder);
  process.stdout.write(`${JSON.stringify(sample)}\n`, () => process.exit(0));
} catch (error) {
  // One line, which the suite repeats: the rest of the trace says nothing about the server.
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`, () => process.exit(1));
}
