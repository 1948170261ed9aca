/** Topics: what their names keep, and limits of each thread. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from 'overlapped';
import { runProgram } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';

test('a topic whose name is a slice of a message does not retain the message', { timeout: 60_000 }, async () => {
  const result = await runProgram('topic-memory', ['5000'], { nodeOptions: ['--expose-gc'] });
  assert.deepEqual([result.exitCode, result.stderr], [0, '']);
  const { topics, bytesEach, heldEach } = JSON.parse(result.stdout);
  assert.equal(topics, 5000);
  assert.ok(bytesEach < 1000, `${bytesEach} bytes each`);
  assert.ok(heldEach > bytesEach / 2 && heldEach < 2 * bytesEach, `${heldEach} counted, ${bytesEach} taken`);
});

/** Each connection subscribes to the topics of its lines, and writes the results. */
const MODULE = `
  import { delimited } from 'overlapped/framing';
  export default {
    framing: delimited(),
    message(connection, line) {
      try {
        connection.sendMessage(String(connection.subscribe(String(line))));
      } catch (error) {
        connection.sendMessage(error.code);
      }
    },
  };`;

test('limits on topics hold in each thread', { timeout: 60_000 }, async () => {
  const module = `data:text/javascript,${encodeURIComponent(
    MODULE.replace('overlapped/framing', new URL('../../src/framing.js', import.meta.url).href),
  )}`;
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    threads: 2,
    module,
    limits: { topicsMax: 2, topicBytesMax: 5 },
  });
  try {
    const { port } = server.address as { port: number };
    for (const client of [await connectNode(port), await connectNode(port)]) {
      client.socket.write('one\ntwo\nthree\none\nlonger\n');
      const expected = 'true\ntrue\nERR_TOPICS_MAX\nfalse\nERR_TOPIC_TOO_LONG\n';
      await eventually(() => client.data.toString() === expected, `the answers, not ${client.data}`);
    }
  } finally {
    await server.close({ deadlineMs: 0 });
  }
});
