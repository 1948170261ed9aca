/** One end of a connection that an engine has, watched: the order of its events, its bytes, its caps and its drains. */

import type { CloseReason, Connection } from 'overlapped';
import { isLentMemory } from '../../src/base/lent-memory.js';
import { SecureConnection } from '../../src/engine/secure/secure-connection.js';
import { count } from './coverage.js';
import type { Flow, Sender } from './flow.js';
import { inspectConnection } from './inspect.js';
import { bytesAt, textAt } from './pattern.js';
import { checkReason } from './reasons.js';
import type { Role } from './roles.js';
import type { Member, World } from './world.js';

/** Larger writes are not copied by the engine: their memory must stay unchanged until they are sent. */
const COPIED_BYTES_MAX = 1024;
const SCRIBBLE = 0xee;

/** Acts of the scenario that may explain the end of a connection. */
export interface Deeds {
  destroyed: boolean;
  reset: boolean;
  threw: boolean;
  /** `setDeadline` ran or may run out then. */
  deadlineAt: number;
}

export interface SideParts {
  readonly name: string;
  readonly connection: Connection<EngineSide>;
  readonly incoming: Flow;
  readonly outgoing: Flow;
  readonly role: Role;
}

export class EngineSide implements Member, Sender {
  readonly world: World;
  readonly name: string;
  readonly connection: Connection<EngineSide>;
  readonly incoming: Flow;
  readonly outgoing: Flow;
  readonly role: Role;
  readonly deeds: Deeds = { destroyed: false, reset: false, threw: false, deadlineAt: Infinity };
  readonly openedAt: number;
  /** When bytes were delivered last, the peer's end was emitted, and bytes began to wait for sending. */
  dataAt: number;
  endAt = Infinity;
  queuedSince = Infinity;
  /** `write` returned false, and `drain` has not come. */
  drainOwed = false;
  /** Calls of `data`, and handlers that threw or rejected. */
  chunks = 0;
  thrown = 0;
  reason: CloseReason | undefined;
  #errors = 0;
  /** A handler of data is at work; then, bytes of a copy that it was given instead of a receive buffer. */
  atWork = false;
  copiedBytes = 0;
  /** Memory that was written and is to stay as it is until `bytesWritten` is there. */
  readonly #pinned: { readonly until: number; readonly bytes: Buffer }[] = [];

  constructor(world: World, parts: SideParts) {
    this.world = world;
    this.name = `${parts.name} (${parts.role.name})`;
    this.connection = parts.connection;
    this.incoming = parts.incoming;
    this.outgoing = parts.outgoing;
    this.role = parts.role;
    this.outgoing.sender = this;
    this.openedAt = world.now();
    this.dataAt = this.openedAt;
    world.members.add(this);
    count(world.coverage.roles, parts.role.name);
  }

  get over(): boolean {
    return this.reason !== undefined;
  }

  get done(): boolean {
    return !this.connection.writable;
  }

  get leavesWell(): boolean {
    return !this.connection.closing || this.reason === 'finished';
  }

  get hasSaidGoodbye(): boolean {
    return this.connection instanceof SecureConnection && this.connection.secure.goodbye;
  }

  #expectAlive(event: string): void {
    this.world.check(!this.connection.closing, () => `${this.name}: ${event} came while it closes`);
    this.world.check(!this.deeds.destroyed, () => `${this.name}: ${event} came after destroy`);
    this.world.check(!this.over, () => `${this.name}: ${event} came behind close`);
  }

  received(chunk: Buffer): void {
    this.#expectAlive('data');
    const { framing } = this.world;
    this.world.check(!this.connection.paused, () => `${this.name}: data came while it is paused`);
    this.world.check(!this.atWork, () => `${this.name}: data came while a handler is at work`);
    this.world.check(chunk.byteLength > 0 || framing !== undefined, () => `${this.name}: no bytes came`);
    if (this.connection.held === undefined && framing === undefined) {
      // Held bytes, and messages that waited, had arrived before, and the connection may have been idle since.
      this.dataAt = this.world.now();
    }
    this.chunks++;
    this.world.coverage.bytes += chunk.byteLength;
    const wrong =
      framing === undefined
        ? this.incoming.take(chunk)
        : this.incoming.takeMessage(chunk, this.world.framedBytes(chunk));
    if (wrong !== undefined) {
      this.world.fail(`${this.name}: ${wrong}, from ${this.incoming.sender?.name}`);
    }
    this.#scribble();
  }

  /** Goes on working with a chunk for a while, now and then: it must stay whole until that is over. */
  work(chunk: Buffer): Promise<void> | undefined {
    const { world } = this;
    const delayMs = world.handlerMs();
    if (delayMs === undefined) {
      return undefined;
    }
    const before = Buffer.from(chunk);
    this.atWork = true;
    this.copiedBytes = isLentMemory(chunk.buffer) ? 0 : chunk.byteLength;
    world.handlersAtWork++;
    count(world.coverage.marks, 'handler at work');
    return new Promise((resolve) => {
      world.after(delayMs, () => {
        world.check(chunk.equals(before), () => `${this.name}: a chunk changed while a handler was at work`);
        world.handlersAtWork--;
        this.atWork = false;
        resolve();
      });
    });
  }

  drained(): void {
    this.#expectAlive('drain');
    this.world.check(this.drainOwed, () => `${this.name}: drain came unasked`);
    this.drainOwed = false;
    this.#scribble();
  }

  peerEnded(): void {
    this.#expectAlive('end');
    this.world.check(!this.atWork, () => `${this.name}: the end came while a handler is at work`);
    this.endAt = this.world.now();
    const wrong = this.incoming.end(this.connection.tls !== undefined);
    if (wrong !== undefined) {
      this.world.fail(`${this.name}: ${wrong}`);
    }
  }

  askedToEnd(): void {
    this.#expectAlive('serverClosing');
  }

  failed(error: Error): void {
    this.world.check(!this.over && this.#errors === 0, () => `${this.name}: error came twice or late`);
    this.#errors++;
    count(this.world.coverage.errors, (error as NodeJS.ErrnoException).code ?? error.name);
    this.world.check(error instanceof Error, () => `${this.name}: what failed is no error`);
  }

  closed(reason: CloseReason): void {
    this.world.check(!this.over, () => `${this.name}: close came twice: ${this.reason}, ${reason}`);
    this.reason = reason;
    count(this.world.coverage.reasons, reason);
    checkReason(this, reason, this.#errors > 0);
    const { connection } = this;
    this.world.check(connection.queuedBytes === 0, () => `${this.name}: bytes are queued at its close`);
    this.world.check(
      this.world.framing === undefined
        ? connection.bytesRead === this.incoming.received
        : connection.bytesRead >= this.incoming.arrivedBytes,
      () => `${this.name}: bytesRead is ${connection.bytesRead}, and ${this.incoming.received} were delivered`,
    );
    this.world.check(
      connection.bytesWritten <= this.outgoing.sentBytes,
      () => `${this.name}: bytesWritten is ${connection.bytesWritten} of ${this.outgoing.sentBytes}`,
    );
  }

  /** Writes the next bytes of the stream, in one of the ways that there are; returns what `write` did. */
  writeNext(byteLength: number, textRate: number): boolean {
    const { start, written } = this.outgoing;
    const { chance } = this.world;
    const text = chance.rate(textRate) ? textAt(start, written, byteLength) : undefined;
    if (text !== undefined) {
      return this.write(text, Buffer.byteLength(text));
    }
    const bytes = bytesAt(start, written, byteLength);
    if (byteLength <= COPIED_BYTES_MAX) {
      // Copied at once: the program may use its memory again.
      const own = Buffer.from(bytes);
      const taken = this.write(own, byteLength);
      own.fill(SCRIBBLE);
      return taken;
    }
    const own = chance.rate(0.5) ? Buffer.from(bytes) : undefined;
    const taken = this.write(own ?? bytes, byteLength);
    if (own !== undefined) {
      this.#pinned.push({ until: this.outgoing.sentBytes, bytes: own });
    }
    return taken;
  }

  /** Writes what are the next bytes of the stream. */
  write(data: Uint8Array | string, byteLength: number): boolean {
    const { connection, world, name } = this;
    const before = connection.queuedBytes;
    const closing = connection.closing;
    const message = typeof data === 'string' && world.framing !== undefined ? Buffer.from(data) : data;
    const sentBytes = typeof message === 'string' ? byteLength : world.framedBytes(message);
    if (!closing) {
      this.outgoing.write(byteLength, sentBytes);
      world.writeBytesMax = Math.max(world.writeBytesMax, sentBytes);
    }
    if (before === 0 && sentBytes > 0) {
      this.queuedSince = world.now();
    }
    const taken = world.framing === undefined ? connection.write(message) : connection.sendMessage(message);
    if (connection.closing) {
      world.check(!taken, () => `${name}: write took something while it closes`);
      return false;
    }
    const { queuedBytes, group } = connection;
    const { limits, engine } = group;
    world.check(
      queuedBytes === before + sentBytes,
      () => `${name}: ${before} + ${sentBytes} are ${queuedBytes} queued bytes`,
    );
    world.check(queuedBytes <= limits.queuedBytesMax, () => `${name}: ${queuedBytes} bytes are queued, above the cap`);
    world.check(
      engine.writes.queuedBytes <= engine.writes.bytesMax + world.writeBytesMax,
      () => `${name}: the engine has ${engine.writes.queuedBytes} bytes queued, above the cap`,
    );
    world.check(
      taken ===
        queuedBytes <= (engine.writes.underPressure ? limits.pressureHighWaterMarkBytes : limits.highWaterMarkBytes),
      () => `${name}: write said ${taken} at ${queuedBytes}`,
    );
    this.drainOwed ||= !taken;
    return taken;
  }

  /** Closes it; with a linger time it may live that long. */
  destroy(error?: Error): void {
    const { connection, deeds } = this;
    if (!connection.closing) {
      const first = !deeds.destroyed;
      deeds.destroyed = true;
      connection.destroy(error);
      if (first && !connection.closing) {
        deeds.deadlineAt = this.world.now() + (connection.group.limits.lingerMs ?? 0);
      }
    }
  }

  /** The signal of `connect` has aborted. */
  destroyedBySignal(): void {
    const { connection, deeds } = this;
    if (!deeds.destroyed) {
      deeds.destroyed = true;
      if (!connection.closing) {
        deeds.deadlineAt = this.world.now() + connection.group.limits.lingerMs;
      }
    }
  }

  reset(): void {
    this.deeds.reset ||= !this.connection.closing;
    this.connection.reset();
  }

  /** Uses memory again that the engine needs no more. */
  #scribble(): void {
    while (this.#pinned.length > 0 && (this.#pinned[0]?.until ?? 0) <= this.connection.bytesWritten) {
      this.#pinned.shift()?.bytes.fill(SCRIBBLE);
    }
  }

  inspect(): void {
    inspectConnection(this);
    this.#scribble();
  }

  windDown(): void {
    if (!this.over && !this.connection.closing) {
      this.connection.resume();
      this.role.windDown?.(this);
    }
  }
}
