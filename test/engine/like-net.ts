/**
 * The same programs on a socket of node:net and on a connection's Duplex: they see the same events in the same order, and
 * their peers the same bytes and the same end.
 */

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { addAbortSignal, type Duplex, finished, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Server } from 'overlapped';
import { eventually } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { nodePeers } from '../support/peers.js';
import type { SystemCapabilities } from '../support/system.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

type Log = (...what: unknown[]) => void;

interface Program {
  /** The server's use of its socket. */
  readonly serve: (socket: Duplex, log: Log) => unknown;
  /** The peer's actions once it is connected; then it waits for the end. */
  readonly say?: (peer: PeerClient['socket']) => unknown;
  readonly allowHalfOpen?: boolean;
  /** The order of these events differs between both, so only their occurrence is compared. */
  readonly anyOrder?: boolean;
  readonly needs?: keyof SystemCapabilities;
}

const code = (error: unknown): unknown => (error as NodeJS.ErrnoException | null | undefined)?.code ?? String(error);

const PROGRAMS: Readonly<Record<string, Program>> = {
  "an echo, and the peer's end": {
    serve: (socket, log) => socket.on('data', (chunk) => log('data', String(chunk), socket.write(chunk))),
    say: (peer) => peer.end('hello'),
  },
  'the peer ends while nothing reads': { serve: () => undefined, say: (peer) => peer.end() },
  "an answer after the peer's end": {
    serve: (socket) => socket.resume().on('end', () => setTimeout(() => socket.end('bye'), 10)),
    say: (peer) => peer.end('hello'),
    allowHalfOpen: true,
  },
  'characters whose bytes arrive one by one': {
    serve(socket, log) {
      let text = '';
      socket
        .setEncoding('utf8')
        .on('data', (part: string) => {
          text += part;
        })
        .on('end', () => log(text));
    },
    async say(peer) {
      for (const byte of Buffer.from('ä€😀')) {
        peer.write(Buffer.from([byte]));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      peer.end();
    },
  },
  'a loop that is left': {
    async serve(socket, log) {
      for await (const chunk of socket) {
        log('chunk', String(chunk));
        break;
      }
    },
    say: (peer) => peer.write('x'),
  },
  'a loop that is left without destroying': {
    async serve(socket, log) {
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        log('chunk', String(chunk));
        break;
      }
      socket.resume();
      socket.end('more');
    },
    say: (peer) => peer.write('x'),
  },
  'a loop whose body throws': {
    async serve(socket, log) {
      try {
        for await (const chunk of socket) {
          throw new Error(String(chunk));
        }
      } catch (error) {
        log('caught', String(error));
      }
    },
    say: (peer) => peer.write('x'),
  },
  'cork and uncork': {
    serve(socket) {
      socket.resume();
      socket.cork();
      socket.write('a');
      socket.write('b');
      process.nextTick(() => {
        socket.uncork();
        socket.end('c');
      });
    },
  },
  'destroy at once': { serve: (socket) => socket.destroy() },
  'destroy with an error': { serve: (socket) => socket.destroy(new Error('Not wanted')) },
  'destroy right after a write': {
    serve(socket, log) {
      socket.write('answer', (error) => log('written', code(error)));
      socket.destroy(new Error('Not understood'));
    },
  },
  'destroy right after an end': { serve: (socket) => socket.end('answer').destroy() },
  'a write after end': {
    serve(socket, log) {
      socket.end('x');
      socket.write('y', (error) => log('written', code(error)));
    },
  },
  'a write after destroy': {
    serve(socket, log) {
      socket.destroy();
      socket.write('y', (error) => log('written', code(error)));
    },
  },
  'the callback of end': {
    serve: (socket, log) => socket.resume().end('x', (error?: Error) => log('ended', code(error))),
  },
  'a large write, and drain': {
    serve(socket, log) {
      socket.resume();
      log(socket.write(Buffer.alloc(30_000_000)), socket.writableNeedDrain);
      socket.once('drain', () => {
        log('drained', socket.writableNeedDrain);
        socket.end();
      });
    },
  },
  'a pipeline from it': {
    serve: (socket, log) =>
      pipeline(socket, new PassThrough().resume()).then(
        () => log('done'),
        (error) => log('rejected', code(error)),
      ),
    say: (peer) => peer.end('hello'),
    anyOrder: true,
  },
  'finished reports the end': {
    serve(socket, log) {
      finished(socket, (error) => log('finished', code(error)));
      socket.resume().end('x');
    },
    anyOrder: true,
  },
  'read, unshift, read': {
    serve(socket, log) {
      socket.once('readable', () => {
        const first = socket.read(2);
        socket.unshift(first);
        log(String(first), String(socket.read()));
        socket.resume();
      });
    },
    say(peer) {
      peer.end('abcd');
    },
    anyOrder: true,
  },
  'a signal that aborts': {
    serve(socket) {
      const controller = new AbortController();
      addAbortSignal(controller.signal, socket);
      setTimeout(() => controller.abort(), 10);
    },
  },
  "the peer's reset": {
    serve: (socket) => socket.resume(),
    say: (peer) => peer.resetAndDestroy(),
    needs: 'resetBeforeReceive',
  },
};

/** The events of the server's socket, and those of its peer. */
interface Story {
  readonly log: readonly string[];
  readonly data: string;
  readonly ended: boolean;
}

async function story(stage: Stage, kind: 'node:net' | 'overlapped', program: Program): Promise<Story> {
  const log: string[] = [];
  let closed = false;
  const say: Log = (...what) => log.push(what.join(' '));
  let served: Duplex | undefined;
  const serve = (socket: Duplex): void => {
    served = socket;
    for (const event of ['end', 'finish', 'close'] as const) {
      socket.on(event, () => say(event));
    }
    socket
      .on('error', (error: NodeJS.ErrnoException) => say('error', error.code ?? error.message))
      .on('close', () => {
        closed = true;
      });
    void program.serve(socket, say);
  };
  const { allowHalfOpen = false } = program;
  let server: NetServer | Server;
  let port: number;
  if (kind === 'overlapped') {
    server = await stage.listen({
      allowHalfOpen,
      error: () => undefined,
      open: (connection) => serve(connection.toDuplex()),
    });
    port = portOf(server);
  } else {
    server = createServer({ allowHalfOpen }, serve);
    await new Promise<void>((resolve) => (server as NetServer).listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  }
  const peer = await nodePeers.connect(port);
  // It is half open: so that it sees an answer after its own end.
  const { socket } = peer;
  socket.once('end', () => socket.end());
  try {
    await program.say?.(socket);
    await eventually(() => peer.closed && closed, `the close of ${kind}`);
  } finally {
    served?.destroy();
    void server.close();
  }
  const order = program.anyOrder === true ? log.sort() : log;
  return { log: order, data: peer.bytes > 100 ? `${peer.bytes} bytes` : String(peer.data), ended: peer.ended };
}

export function likeNet(subject: EngineSubject): void {
  if (subject.network !== undefined) {
    // A simulated network has no place for node:net.
    return;
  }
  const scene = scenes(subject);
  for (const [name, program] of Object.entries(PROGRAMS)) {
    scene(
      `behaves like node:net: ${name}`,
      async (stage) => {
        const expected = await story(stage, 'node:net', program);
        assert.deepEqual(await story(stage, 'overlapped', program), expected);
      },
      program.needs === undefined ? {} : { needs: program.needs },
    );
  }
}
