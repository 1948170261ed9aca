/**
 * Ways to break the engine on purpose, to prove that the simulation notices. Each is a replacement in a built file: a
 * text that must occur exactly once, so that a mutation whose code has changed is an error.
 */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Mutation {
  readonly name: string;
  /** The file, from `dist/src`. */
  readonly file: string;
  readonly found: string;
  readonly replacement: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'the promise of a handler is not waited for',
    file: 'engine/connection-core/awaiting.js',
    found: 'connection.flags |= AWAITING;',
    replacement: '',
  },
  {
    name: 'a chunk is not kept for the handler that is at work with it',
    file: 'engine/connection-core/awaiting.js',
    found: 'const { buffer, copiedBytes } = engine.delivery;',
    replacement: 'const { copiedBytes } = engine.delivery; const buffer = undefined;',
  },
  {
    name: 'a connection with something left to send is closed as if it had ended',
    file: 'engine/connection-core/close.js',
    found: 'const cut = connection.queuedBytes > 0 || ',
    replacement: 'const cut = ',
  },
  {
    name: 'a byte is dropped behind a short send',
    file: 'port/sending/send-queue.js',
    found: 'bytesTaken[slot] = bytesTaken[slot] + taken;',
    replacement: `bytesTaken[slot] = bytesTaken[slot] + taken;
            if (bytesTaken[slot] < byteLength[slot] - 1) {
                bytesTaken[slot]++;
            }`,
  },
  {
    name: 'a cancelled receive ends twice',
    file: 'port/completion-router.js',
    found: `operations.release(slot);
        return completion;`,
    replacement: `operations.release(slot);
        if (completion.kind === 'receive' && completion.code === 'ECANCELED') {
            Object.assign(this.#queue.add(), completion);
        }
        return completion;`,
  },
  {
    name: 'a drain is skipped when nothing is left to send',
    file: 'engine/connection-core/send.js',
    found: `emit(connection, 'drain');`,
    replacement: `if (connection.queuedBytes > 0) {
                emit(connection, 'drain');
            }`,
  },
  {
    name: 'the slot of a cancelled connect is leaked',
    file: 'port/completion-router.js',
    found: `operations.release(slot);
        return completion;`,
    replacement: `if (completion.kind !== 'connect' || completion.code !== 'ECANCELED') {
            operations.release(slot);
        }
        return completion;`,
  },
  {
    name: 'a close is lost when a send was the last in flight',
    file: 'engine/connection-core/send.js',
    found: 'if (finishOrFail(connection, completion)) {',
    replacement: 'if ((connection.flags & CLOSING) !== 0 || finishOrFail(connection, completion)) {',
  },
  {
    name: 'a write chunk is used again while it is being sent',
    file: 'engine/writing/write-queue.js',
    found: 'const address = chunk.address + chunk.used;',
    replacement: `if (this.empty) {
            chunk.memory.copyWithin(0, chunk.used, chunk.used + byteLength);
            chunk.used = 0;
        }
        const address = chunk.address + chunk.used;`,
  },
  {
    name: 'nothing is received after resume',
    file: 'engine/connection-core/receive.js',
    found: `else {
        receive(connection);
    }`,
    replacement: '',
  },
  {
    name: 'a limit that has moved on is forgotten',
    file: 'engine/connection-core/timeouts.js',
    found: `runOut(connection, reason);
    }
    else {
        armTimer(connection);
    }`,
    replacement: `runOut(connection, reason);
    }`,
  },
  {
    name: 'what a closing connection held is not given back',
    file: 'engine/connection-core/close.js',
    found: `dropHeld(connection);
    const reset`,
    replacement: 'const reset',
  },
  {
    name: 'a stream of TLS that was cut has an end',
    file: 'engine/secure/decrypt.js',
    found: 'else if ((connection.flags & PEER_FIN) === 0) {',
    replacement: `else if (secure.phase === SECURED && (connection.flags & PEER_FIN) === 0) {
        peerEnded(connection);
    }
    else if ((connection.flags & PEER_FIN) === 0) {`,
  },
  {
    name: 'an alert is made for a client that has gone while SNICallback looked for its certificate',
    file: 'engine/secure/handshake.js',
    found: `if (!(begun instanceof Error)) {
            begun.session.free();
        }
        return;`,
    replacement: `if (!(begun instanceof Error)) {
            begun.session.free();
            return;
        }`,
  },
];

/** The text of a file with a mutation. @throws Error when its place is not there exactly once */
export function mutated(text: string, { name, file, found, replacement }: Mutation): string {
  const parts = text.split(found);
  if (parts.length !== 2) {
    throw new Error(
      `The mutation "${name}" needs its text exactly once in ${file}, and it is there ${parts.length - 1} times: change it in test/simulation/mutations.ts to what the file says now`,
    );
  }
  return parts.join(replacement);
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A copy of the build, to be broken. */
export class BrokenCopy {
  readonly #directory = mkdtempSync(join(tmpdir(), 'overlapped-mutation-'));

  constructor() {
    mkdirSync(join(this.#directory, 'dist'));
    for (const part of ['dist/src', 'dist/test/simulation', 'dist/test/support', 'dist/package.json', 'package.json']) {
      cpSync(join(ROOT, part), join(this.#directory, part), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.#directory, 'node_modules'));
  }

  /** The worker of the simulation on the copy. */
  get worker(): URL {
    return pathToFileURL(join(this.#directory, 'dist/test/simulation/worker.js'));
  }

  /** Breaks the copy; returns what mends it. */
  break(mutation: Mutation): () => void {
    const path = join(this.#directory, 'dist/src', mutation.file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, mutated(text, mutation));
    return () => writeFileSync(path, text);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
