/** The handlers of a server on many threads; `data` is its role. */

import type { ThreadModule } from 'overlapped';
import { messagesOf, type Role, WELCOME } from './roles.js';

const TOPIC = 'all';

const handlers: ThreadModule<unknown, Role> = ({ server, data: role }) =>
  role === 'echo'
    ? {
        data(connection, chunk) {
          connection.write(chunk);
        },
      }
    : {
        open(connection) {
          connection.subscribe(TOPIC);
          connection.write(WELCOME);
        },
        data(_, chunk) {
          for (const message of messagesOf(chunk)) {
            server.publish(TOPIC, message);
          }
        },
      };

export default handlers;
