/** Details of moved sockets that programs see beyond the documentation of Node, on each driver. */

import { describe, test } from 'node:test';
import { SYSTEM_DRIVERS } from '../support/drivers.js';
import { succeeds } from './preload.js';

const CASES = {
  observed: 'connects make entries of perf_hooks',
  bodies: 'a paused request keeps its body after the response',
  accepted: 'a server on Node’s own sockets has accepted when its client is connected',
  sessions: 'a session of http2 connects to a port that is a number',
  ended: 'the end of a destroyed socket comes before what is written to another one later',
  layers: 'TLS ends before the socket under it emits close',
};

describe('what Node’s own sockets do', { concurrency: 2 }, () => {
  for (const name of SYSTEM_DRIVERS) {
    for (const [each, title] of Object.entries(CASES)) {
      test(`${title}, on ${name}`, async () => {
        await succeeds('registered-as-nodes', [each], { env: { OVERLAPPED_DRIVER: name } });
      });
    }
  }
});
