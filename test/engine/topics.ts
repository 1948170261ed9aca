/** Topics have limits: how many a connection and a server may have, and how long a name may be. */

import assert from 'node:assert/strict';
import { eventually } from '../support/harness.js';
import { type EngineSubject, scenes } from './subject.js';

export function topics(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('topicsPerConnectionMax limits subscriptions without closing the connection', async (stage) => {
    const { server, connection, peer } = await stage.pair({
      limits: { topicsPerConnectionMax: 3 },
      data: () => undefined,
    });
    for (const name of ['a', 'b', 'c']) {
      assert.equal(connection.subscribe(name), true);
    }
    assert.throws(() => connection.subscribe('d'), {
      code: 'ERR_TOPICS_MAX',
      message: /topicsPerConnectionMax/,
    });
    assert.deepEqual([connection.subscribe('a'), server.core.topics.count], [false, 3]);
    connection.unsubscribe('b');
    assert.deepEqual([connection.subscribe('d'), connection.topics], [true, ['a', 'c', 'd']]);
    server.publish('d', 'still here');
    await eventually(() => peer.data.toString() === 'still here', 'a publication');
  });

  scene('a server has at most topicsMax topics; sharing one needs no space, and a close frees space', async (stage) => {
    const { server, connection, peer } = await stage.pair({ limits: { topicsMax: 2 }, data: () => undefined });
    const otherPeer = await stage.peer(server);
    await eventually(() => server.connectionsCount === 2, 'another connection');
    const [other] = [...server.connections()].filter((one) => one !== connection);
    connection.subscribe('one');
    connection.subscribe('two');
    assert.throws(() => other?.subscribe('three'), { code: 'ERR_TOPICS_MAX', message: /topicsMax/ });
    assert.equal(other?.subscribe('two'), true);
    peer.socket.destroy();
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual([other?.subscribe('three'), server.core.topics.count], [true, 2]);
    server.publish('two', 'and ');
    server.publish('three', 'three');
    await eventually(() => otherPeer.data.toString() === 'and three', 'the publications');
  });

  scene('a topic name is a string of at most topicBytesMax bytes of UTF-8', async (stage) => {
    const { server, connection } = await stage.pair({ limits: { topicBytesMax: 6 }, data: () => undefined });
    assert.equal(connection.subscribe('ééé'), true);
    assert.throws(() => connection.subscribe('éééx'), {
      code: 'ERR_TOPIC_TOO_LONG',
      message: /7 bytes.*topicBytesMax/,
    });
    assert.throws(() => connection.subscribe(5 as unknown as string), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.deepEqual([connection.topics, server.core.topics.count, connection.closing], [['ééé'], 1, false]);
    for (const name of ['\ud800', '\udc00']) {
      // Half pairs are one text in UTF-8, and two here.
      assert.equal(connection.subscribe(name), true);
    }
    assert.deepEqual(connection.topics, ['ééé', '\ud800', '\udc00']);
  });

  scene('subscriptions count as held memory, and too many close their connection', async (stage) => {
    const { connection } = await stage.pair({
      limits: { heldBytesMax: 20_000 },
      data: () => undefined,
      error: () => undefined,
    });
    connection.subscribe('a room');
    const { heldBytes } = connection;
    assert(heldBytes >= 300 && heldBytes < 1000, `${heldBytes} bytes`);
    assert.equal(stage.engine.heldBytes, heldBytes);
    connection.unsubscribe('a room');
    assert.equal(connection.heldBytes, 0);
    for (let count = 0; count < 100 && !connection.closing; count++) {
      connection.subscribe(`room ${count}`);
    }
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual([stage.history.reasons, stage.engine.heldBytes], [['held_full'], 0]);
  });

  scene('limits on topics must be numbers in their ranges', async (stage) => {
    for (const wrong of [
      { limits: { topicsMax: 0 } },
      { limits: { topicsPerConnectionMax: -1 } },
      { limits: { topicBytesMax: 65_537 } },
    ]) {
      await assert.rejects(stage.listen(wrong), { code: 'ERR_OUT_OF_RANGE' });
    }
  });
}
