/** Handlers that threads load: each connection is sent what the module has got of `listen`, as a line of JSON. */

import type { ThreadModule } from 'overlapped';

const module: ThreadModule = ({ data }) => ({
  open: (connection) => {
    connection.write(`${JSON.stringify([data, process.env.GREETING, process.execArgv])}\n`);
  },
});

export default module;
