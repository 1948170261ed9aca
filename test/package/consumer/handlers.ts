import type { ThreadModule } from 'overlapped';

const handlers: ThreadModule = {
  data: (connection, chunk) => {
    connection.write(chunk);
  },
};

export default handlers;
