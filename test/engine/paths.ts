/** Unix-domain servers and their paths: each removes its own socket's file when it closes, and no other. */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SystemCapabilities } from '../support/system.js';
import { type EngineSubject, type Stage, scenes } from './subject.js';

/** The longest path: `sun_path` with a NUL that ends it. */
const PATH_BYTES_MAX = 107;

type Body = (stage: Stage, directory: string) => Promise<void>;

/** A scene with a directory of its own, in which the process works. */
function inDirectory(
  subject: EngineSubject,
  needs: keyof SystemCapabilities = 'unixSockets',
): (name: string, body: Body) => void {
  const scene = scenes(subject);
  return (name, body) =>
    scene(
      name,
      async (stage) => {
        const before = process.cwd();
        const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
        process.chdir(directory);
        try {
          await body(stage, directory);
        } finally {
          process.chdir(before);
          rmSync(directory, { recursive: true, force: true });
        }
      },
      { needs },
    );
}

async function isReached(stage: Stage, path: string): Promise<boolean> {
  try {
    (await stage.connect({ path })).destroy();
    return true;
  } catch {
    return false;
  }
}

/** Paths of the simulated network are names of its own, with nothing on disk. */
function filesOnly(subject: EngineSubject): boolean {
  return subject.network === undefined;
}

function others(subject: EngineSubject): void {
  const scene = inDirectory(subject, 'replacedPaths');

  scene('a server that has taken over a path keeps it when the old server closes', async (stage, directory) => {
    const path = join(directory, 'socket');
    const old = await stage.listen({ path });
    unlinkSync(path);
    const young = await stage.listen({ path });
    await old.close();
    assert.equal(await isReached(stage, path), true);
    await young.close();
    assert.equal(existsSync(path), false);
  });

  scene('a node:net server that has taken over a path keeps it too', async (stage, directory) => {
    const path = join(directory, 'socket');
    const old = await stage.listen({ path });
    unlinkSync(path);
    const other = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => {
      other.listen(path, resolve);
    });
    await old.close();
    assert.equal(await isReached(stage, path), true);
    await new Promise((resolve) => {
      other.close(resolve);
    });
  });

  scene('closing a server keeps a file, directory or link that has replaced its path', async (stage, directory) => {
    const path = join(directory, 'socket');
    const target = join(directory, 'target');
    writeFileSync(target, 'precious');
    for (const put of [() => writeFileSync(path, 'precious'), () => mkdirSync(path), () => symlinkSync(target, path)]) {
      const server = await stage.listen({ path });
      unlinkSync(path);
      put();
      await server.close();
      assert.equal(existsSync(path), true);
      rmSync(path, { recursive: true });
    }
    assert.equal(readFileSync(target, 'utf8'), 'precious');
  });

  scene('closing a server does not remove its socket if it was moved and linked', async (stage, directory) => {
    const path = join(directory, 'socket');
    const server = await stage.listen({ path });
    renameSync(path, join(directory, 'moved'));
    symlinkSync('moved', path);
    await server.close();
    assert.equal(existsSync(path), true);
  });
}

function relative(subject: EngineSubject): void {
  const scene = inDirectory(subject);

  scene('a relative path refers to the directory at the time of the call', async (stage, directory) => {
    mkdirSync('x');
    mkdirSync('y');
    process.chdir('x');
    const server = await stage.listen({ path: 'socket' });
    assert.deepEqual(server.address, { family: 'unix', path: 'socket' });
    process.chdir('../y');
    writeFileSync('socket', 'precious');
    await server.close();
    assert.equal(readFileSync('socket', 'utf8'), 'precious');
    assert.equal(existsSync(join(directory, 'x/socket')), false);
  });

  scene('changing the directory right after the call has no effect', async (stage, directory) => {
    mkdirSync('x');
    process.chdir('x');
    const listening = stage.listen({ path: 'socket' });
    process.chdir('..');
    const server = await listening;
    assert.equal(existsSync(join(directory, 'x/socket')), true);
    process.chdir('x');
    const connecting = stage.connect({ path: 'socket' });
    process.chdir('..');
    (await connecting).destroy();
    await server.close();
    assert.equal(existsSync(join(directory, 'x/socket')), false);
  });

  scene('a path through a link and `..` is not shortened', async (stage, directory) => {
    mkdirSync('deep/er', { recursive: true });
    symlinkSync('deep/er', 'link');
    const server = await stage.listen({ path: 'link/../socket' });
    assert.equal(existsSync(join(directory, 'deep/socket')), true);
    await server.close();
    assert.equal(existsSync(join(directory, 'deep/socket')), false);
  });

  scene('the limit of a path counts bytes, not characters', async (stage, directory) => {
    const name = (bytes: number): string => `ü${'s'.repeat(bytes - 2)}`;
    const longest = join(directory, name(PATH_BYTES_MAX - directory.length - 1));
    assert.equal(Buffer.byteLength(longest), PATH_BYTES_MAX);
    const server = await stage.listen({ path: longest });
    assert.equal(await isReached(stage, longest), true);
    await server.close();
    assert.equal(existsSync(longest), false);
    const tooLong = `${longest}s`;
    const failure = { code: 'ENAMETOOLONG', message: /at most 107 bytes, got 108/ };
    await assert.rejects(stage.listen({ path: tooLong }), failure);
    await assert.rejects(stage.connect({ path: tooLong }), failure);
  });
}

function refusals(subject: EngineSubject): void {
  const scene = inDirectory(subject);

  scene('an empty path and a path with a NUL are rejected', async (stage) => {
    for (const path of ['', 'a\0b', '\0a\0b']) {
      await assert.rejects(stage.listen({ path }), { code: 'EINVAL' });
      await assert.rejects(stage.connect({ path }), { code: 'EINVAL' });
    }
  });

  scene('a path left by a crashed process is EADDRINUSE, as with node:net', async (stage, directory) => {
    const path = join(directory, 'socket');
    const server = await stage.listen({ path });
    await assert.rejects(stage.listen({ path }), { code: 'EADDRINUSE', address: path });
    assert.equal(await isReached(stage, path), true);
    await server.close();
    if (filesOnly(subject)) {
      writeFileSync(path, '');
      await assert.rejects(stage.listen({ path }), { code: 'EADDRINUSE', address: path });
      assert.equal(existsSync(path), true);
    }
  });
}

export function paths(subject: EngineSubject): void {
  if (filesOnly(subject)) {
    others(subject);
    relative(subject);
  }
  refusals(subject);
}
