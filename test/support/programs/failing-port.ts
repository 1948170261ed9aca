/** Handlers that threads load: they echo, and on `fail` the thread's kernel refuses io_uring. */

import type { ThreadModule } from 'overlapped';
import { Faults } from '../faults.js';

const handlers: ThreadModule = ({ thread }) => ({
  open: (connection) => void connection.write(String(thread)),
  data: (connection, chunk) => {
    if (chunk.toString() === 'fail') {
      new Faults('io_uring_enter', 'EPERM', () => true);
    }
    connection.write(chunk);
  },
});

export default handlers;
