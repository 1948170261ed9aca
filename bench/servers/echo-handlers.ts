/** The handlers of an echo server on many threads, to measure. */

import type { ThreadModule } from 'overlapped';

export default {
  data: (connection, chunk) => {
    connection.write(chunk);
  },
} satisfies ThreadModule;
