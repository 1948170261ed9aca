/** Which driver the threads of a server take where a ring has no DEFER_TASKRUN, under `auto` and by name. Prints it as JSON. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { type DriverChoice, listen, OperationError } from 'overlapped';
import { programPath } from '../child.js';

async function serve(driver: DriverChoice): Promise<object> {
  const engineOptions = { disabledFeatures: ['defer_taskrun'] };
  const module = programPath('echo-handlers');
  try {
    const server = await listen({ host: '127.0.0.1', port: 0, threads: 1, driver, engineOptions, module });
    const { driver: taken, skippedDrivers, address } = server;
    const client = connect(address.family === 'unix' ? 0 : address.port, '127.0.0.1');
    const [echoed] = await once(client, 'data');
    client.destroy();
    await server.close();
    return { driver: taken, skippedDrivers, echoed: String(echoed) };
  } catch (error) {
    if (error instanceof OperationError) {
      return { code: error.code };
    }
    throw error;
  }
}

console.log(JSON.stringify([await serve('auto'), await serve('io_uring')]));
