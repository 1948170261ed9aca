/** Names: the options of a lookup, its possible answers, and ends during a lookup. */

import assert from 'node:assert/strict';
import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type ConnectOptions, connect, Engine, listen } from 'overlapped';
import { eventually } from '../support/harness.js';
import { type EngineSubject, portOf, type Scene, type Stage, scenes } from './subject.js';

type Lookup = NonNullable<ConnectOptions['lookup']>;
type Answer = Parameters<Lookup>[2];

const LOCAL = { address: '127.0.0.1', family: 4 };
const NAME = 'name.example';

/** A lookup that calls back with anything at all. */
function answering(...answer: readonly unknown[]): Lookup {
  return (_hostname, _options, done) => (done as (...answer: readonly unknown[]) => void)(...answer);
}

/** Answers of a lookup, each with the code of its error; undefined where the connect and the listen succeed. */
const ANSWERS: readonly (readonly [what: string, lookup: Lookup, code: string | undefined])[] = [
  ['an undefined error and an address', answering(undefined, [LOCAL]), undefined],
  ['an error of 0 and an address', answering(0, [LOCAL]), undefined],
  ['one address and its family', answering(null, '127.0.0.1', 4), undefined],
  ['an address twice', answering(null, [LOCAL, LOCAL]), undefined],
  ['wrong addresses before a right one', answering(null, [null, { address: 'x', family: 4 }, LOCAL]), undefined],
  ['no address', answering(null, []), 'ENOTFOUND'],
  ['nothing', answering(null), 'ERR_INVALID_IP_ADDRESS'],
  ['null', answering(null, null), 'ERR_INVALID_IP_ADDRESS'],
  ['an object', answering(null, LOCAL), 'ERR_INVALID_IP_ADDRESS'],
  ['strings in a list', answering(null, ['127.0.0.1']), 'ERR_INVALID_IP_ADDRESS'],
  ['a name', answering(null, [{ address: 'localhost', family: 4 }]), 'ERR_INVALID_IP_ADDRESS'],
  ['a number', answering(null, [{ address: 2_130_706_433, family: 4 }]), 'ERR_INVALID_IP_ADDRESS'],
  ['an IPv4 address with a zone', answering(null, [{ address: '127.0.0.1%lo', family: 4 }]), 'ERR_INVALID_IP_ADDRESS'],
  ['one address without a family', answering(null, '127.0.0.1'), 'ERR_INVALID_ADDRESS_FAMILY'],
  [
    'a family that is a string',
    answering(null, [{ address: '127.0.0.1', family: 'IPv4' }]),
    'ERR_INVALID_ADDRESS_FAMILY',
  ],
  ['family 0', answering(null, [{ address: '127.0.0.1', family: 0 }]), 'ERR_INVALID_ADDRESS_FAMILY'],
  ['the other family', answering(null, [{ address: '127.0.0.1', family: 6 }]), 'ERR_INVALID_ADDRESS_FAMILY'],
  ['an error of its own', answering(Object.assign(new Error('No'), { code: 'E_OWN' })), 'E_OWN'],
  [
    'an answer that throws when it is read',
    answering(null, [
      {
        get address(): string {
          throw Object.assign(new Error('No'), { code: 'E_READ' });
        },
      },
    ]),
    'E_READ',
  ],
  [
    'an exception',
    () => {
      throw Object.assign(new Error('No'), { code: 'E_THROWN' });
    },
    'E_THROWN',
  ],
  [
    'a rejected promise',
    (async () => Promise.reject(Object.assign(new Error('No'), { code: 'E_REJECTED' }))) as Lookup,
    'E_REJECTED',
  ],
];

function answers(scene: Scene): void {
  for (const [what, lookup, code] of ANSWERS) {
    scene(`a lookup that answers with ${what}: ${code ?? 'connected'}`, async (stage) => {
      const server = await stage.listen({});
      const connecting = stage.connect({ host: NAME, port: portOf(server), lookup });
      const listening = stage.listen({ host: NAME, port: 0, lookup });
      if (code === undefined) {
        assert.deepEqual((await connecting).remoteAddress, server.address);
        const { address } = await listening;
        assert.equal(address.family, 'ipv4');
      } else {
        await assert.rejects(connecting, { code });
        await assert.rejects(listening, { code });
      }
    });
  }

  scene('the first of two lookup answers counts', async (stage) => {
    const server = await stage.listen({});
    const lookup: Lookup = (_hostname, _options, done) => {
      done(null, [LOCAL]);
      done(new Error('Once more'), []);
      queueMicrotask(() => done(null, [{ address: '192.0.2.1', family: 4 }]));
    };
    const client = await stage.connect({ host: NAME, port: portOf(server), lookup });
    assert.deepEqual(client.remoteAddress, server.address);
  });

  scene('only the first of very many addresses are tried', async (stage) => {
    const closed = await stage.listen({});
    const port = portOf(closed);
    await closed.close();
    const many = Array.from({ length: 5000 }, (_, index) => ({
      address: `127.1.${index >> 8}.${index & 255}`,
      family: 4,
    }));
    const error = await stage.connect({ host: NAME, port, lookup: answering(null, many) }).then(
      () => assert.fail('Connected'),
      (error) => error,
    );
    assert.equal(error.errors.length, 128);
  });
}

function questions(scene: Scene): void {
  scene('a lookup gets the same options as from node:net, without an order', async (stage) => {
    const asked: unknown[] = [];
    const lookup: Lookup = (hostname, options, done) => {
      asked.push({ hostname, ...options });
      done(null, [LOCAL]);
    };
    const server = await stage.listen({ host: NAME, port: 0, lookup });
    await stage.connect({ host: NAME, port: portOf(server), lookup });
    await stage.connect({ host: NAME, port: portOf(server), lookup, family: 4, hints: dns.ADDRCONFIG });
    assert.deepEqual(asked, [
      { hostname: NAME, family: 0, hints: 0, all: true },
      { hostname: NAME, family: 0, hints: 0, all: true },
      { hostname: NAME, family: 4, hints: dns.ADDRCONFIG, all: true },
    ]);
  });

  scene("Node's own lookup function and others of its type are accepted", async (stage) => {
    const typed: LookupFunction = (_hostname, { all }, done) =>
      all === true ? done(null, [LOCAL]) : done(null, LOCAL.address, LOCAL.family);
    const server = await stage.listen({ host: 'localhost', port: 0, lookup: dns.lookup, family: 4 });
    for (const lookup of [dns.lookup, typed]) {
      const client = await stage.connect({ host: 'localhost', port: portOf(server), lookup });
      assert.deepEqual(client.remoteAddress, server.address);
    }
  });

  scene('without the option, the current dns.lookup is used, even if the program has replaced it', async (stage) => {
    const original = dns.lookup;
    const asked: string[] = [];
    dns.lookup = ((hostname: string, _options: unknown, done: Answer) => {
      asked.push(hostname);
      done(null, [LOCAL]);
    }) as unknown as typeof original;
    try {
      const server = await stage.listen({ host: NAME, port: 0 });
      await stage.connect({ host: NAME, port: portOf(server) });
    } finally {
      dns.lookup = original;
    }
    assert.deepEqual(asked, [NAME, NAME]);
  });

  scene('a server listens at the first address that is not a link-local one without an interface', async (stage) => {
    const linkLocal = { address: 'fe80::1', family: 6 };
    const server = await stage.listen({ host: NAME, port: 0, lookup: answering(null, [linkLocal, LOCAL]) });
    assert.equal(server.address.family === 'unix' ? '' : server.address.address, '127.0.0.1');
  });

  scene('an empty host counts as absent', async (stage) => {
    const server = await stage.listen({ host: '', port: 0 });
    for (const host of ['', null as never, undefined as never]) {
      const client = await stage.connect({ host: host ?? '', port: portOf(server) });
      assert.equal(client.closing, false);
    }
  });

  scene('an invalid endpoint is rejected at once, without a lookup', async (stage) => {
    const lookup: Lookup = () => assert.fail('Looked up');
    for (const [options, code] of [
      [{ host: 5 as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ host: {} as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ host: 'localhost\0.example' }, 'ERR_INVALID_ARG_VALUE'],
      [{ path: 5 as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ family: 5 as never }, 'ERR_INVALID_ARG_VALUE'],
      [{ family: 'IPv4' as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ hints: -1 }, 'ERR_OUT_OF_RANGE'],
      [{ hints: '1' as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ port: null as never }, 'ERR_INVALID_ARG_VALUE'],
      [{ port: Symbol('port') as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ engine: {} as never }, 'ERR_INVALID_ARG_TYPE'],
      [{ lookup: 'dns' as never }, 'ERR_INVALID_ARG_TYPE'],
    ] as const) {
      await assert.rejects(stage.connect({ host: NAME, port: 1, lookup, ...options }), { code }, code);
      await assert.rejects(stage.listen({ host: NAME, port: 0, lookup, ...options }), { code }, code);
    }
    await assert.rejects(stage.connect({ port: 1, signal: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  });
}

/** Runs on an engine of its own, which the body closes. */
async function withEngine(stage: Stage, body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = new Engine(stage.subject.options);
  try {
    await body(engine);
    assert.equal(engine.core.references, 0);
    assert.equal(engine.core.pending.size, 0);
  } finally {
    engine.close();
  }
}

function endings(scene: Scene): void {
  scene('connect can be aborted during the lookup', async (stage) => {
    const server = await stage.listen({});
    const controller = new AbortController();
    const lookup: Lookup = (_hostname, _options, done) => {
      controller.abort();
      done(null, [LOCAL]);
    };
    const connecting = stage.connect({ host: NAME, port: portOf(server), lookup, signal: controller.signal });
    await assert.rejects(connecting, { name: 'AbortError' });
    assert.equal(stage.engine.core.counters.connectsPosted, 0);
  });

  scene('a getter of an option may abort the connect', async (stage) => {
    const controller = new AbortController();
    const options = {
      host: NAME,
      port: 1,
      signal: controller.signal,
      get context(): unknown {
        return undefined;
      },
      get lookup(): Lookup {
        controller.abort();
        return () => assert.fail('Looked up');
      },
    };
    await assert.rejects(connect({ engine: stage.engine, ...Object.create(null), ...options }), { name: 'AbortError' });
  });

  scene('an abort signal without a reason, as other libraries have them, works', async (stage) => {
    const listeners: (() => void)[] = [];
    const signal = {
      aborted: false,
      addEventListener: (_: string, listener: () => void) => listeners.push(listener),
      removeEventListener: () => undefined,
    };
    const connecting = stage.connect({ host: NAME, port: 1, lookup: () => undefined, signal: signal as never });
    for (const listener of listeners) {
      listener();
    }
    await assert.rejects(connecting, { name: 'AbortError' });
  });

  for (const [when, close] of [
    ['in the lookup', (engine: Engine) => engine.close()],
    ['in a microtask', (engine: Engine) => queueMicrotask(() => engine.close())],
    ['later', (engine: Engine) => setTimeout(() => engine.close(), 1)],
  ] as const) {
    scene(`connect and listen reject with ECANCELED if the engine is closed ${when}`, (stage) =>
      withEngine(stage, async (engine) => {
        let late: Answer | undefined;
        const lookup: Lookup = (_hostname, _options, done) => {
          late = done;
          close(engine);
        };
        const settled = [connect({ engine, host: NAME, port: 1, lookup })];
        if (!engine.isClosed) {
          settled.push(listen({ engine, host: NAME, port: 0, lookup }) as never);
        }
        for (const one of settled) {
          await assert.rejects(one, { code: 'ECANCELED' });
        }
        late?.(null, [LOCAL]);
        await eventually(() => engine.core.pending.size === 0, 'the end of what was pending');
      }),
    );
  }

  scene('listen rejects if the engine is closed during its lookup, even if the lookup answers', (stage) =>
    withEngine(stage, async (engine) => {
      const lookup: Lookup = (_hostname, _options, done) => {
        done(null, [LOCAL]);
        engine.close();
      };
      await assert.rejects(listen({ engine, host: NAME, port: 0, lookup }), { code: 'ECANCELED' });
    }),
  );

  scene('a closed engine is rejected at once, without a lookup', (stage) =>
    withEngine(stage, async (engine) => {
      engine.close();
      const lookup: Lookup = () => assert.fail('Looked up');
      await assert.rejects(connect({ engine, host: NAME, port: 1, lookup }), { code: 'EBADF' });
      await assert.rejects(listen({ engine, host: NAME, port: 0, lookup }), { code: 'EBADF' });
    }),
  );

  scene('a failed lookup leaves nothing behind', (stage) =>
    withEngine(stage, async (engine) => {
      const lookup = answering(Object.assign(new Error('No'), { code: 'ENOTFOUND' }));
      await assert.rejects(connect({ engine, host: NAME, port: 1, lookup }), { code: 'ENOTFOUND' });
      await assert.rejects(listen({ engine, host: NAME, port: 0, lookup }), { code: 'ENOTFOUND' });
    }),
  );
}

export function names(subject: EngineSubject): void {
  const scene = scenes(subject);
  questions(scene);
  answers(scene);
  endings(scene);

  scene(
    'a server on all addresses sees IPv4 peers at mapped addresses',
    async (stage) => {
      let host = '';
      const server = await listen({
        engine: stage.engine,
        port: 0,
        open(connection) {
          host = connection.remoteAddress.family === 'unix' ? '' : connection.remoteAddress.address;
        },
      });
      (await stage.connect({ port: portOf(server) })).end();
      await eventually(() => host !== '', 'the connection is accepted');
      assert.equal(host, '::ffff:127.0.0.1');
      const client = await stage.connect({ host, port: portOf(server) });
      assert.deepEqual(client.remoteAddress, { family: 'ipv6', address: host, port: portOf(server) });
      const mapped = await stage.listen({ host: '::ffff:127.0.0.1', port: 0 });
      const toIt = await stage.connect({ host: '127.0.0.1', port: portOf(mapped) });
      assert.equal(toIt.closing, false);
    },
    { needs: 'ipv6' },
  );
}
