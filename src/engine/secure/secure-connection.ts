/** A connection with TLS: the methods in which it differs from one without. */

import type { Completion } from '../../port/completion.js';
import type { OverlappedSocket } from '../../port/socket.js';
import type { TlsSession } from '../../tls/session.js';
import { Connection } from '../connection.js';
import { close, whyClosed } from '../connection-core/close.js';
import type { HandlerTable } from '../connection-core/handler-table.js';
import { received, receivedNoData } from '../connection-core/receive.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import { finSent } from '../connection-core/shutdown.js';
import { CLOSING, PEER_FIN } from '../connection-core/state.js';
import { moveTicks } from '../connection-core/timeouts.js';
import { cancelledByClose } from '../pending.js';
import { movedTick, NEVER } from '../scheduling/timer-wheel.js';
import { ConnectionTls } from './connection-tls.js';
import { decryptReceived, transportEnded } from './decrypt.js';
import { postSecured, securedSent, securedTimeIsUp } from './encrypt.js';
import { addHandshakeBytes, beginHandshake, handshakeStep, handshakeTimeIsUp } from './handshake.js';
import { SECURED, type SecureRecord, SecureState } from './secure-state.js';

/** Until it is open, none of its handlers is called. */
const NO_HANDLERS: HandlerTable<ConnectionRecord> = {};

export class SecureConnection extends Connection implements SecureRecord {
  /** @internal */
  readonly secure = new SecureState();
  readonly #open: (connection: SecureConnection) => void;
  #tls: ConnectionTls | undefined;

  /** @internal @param open makes the context of the connection and calls its handler `open` */
  constructor(group: ConnectionContext, socket: OverlappedSocket, open: (connection: SecureConnection) => void) {
    super(group, socket);
    this.#open = open;
  }

  override get handlers(): HandlerTable<ConnectionRecord> {
    return this.secure.opened ? super.handlers : NO_HANDLERS;
  }

  override get tls(): ConnectionTls {
    this.#tls ??= new ConnectionTls(this.secure);
    return this.#tls;
  }

  override get hasLastWords(): boolean {
    return this.secure.phase === SECURED && !this.secure.goodbye;
  }

  /** @internal */
  begins(): void {
    beginHandshake(this);
  }

  /** @internal */
  handshake(): void {
    handshakeStep(this);
  }

  /** @internal */
  opens(): void {
    this.#open(this);
    const { settled } = this.secure;
    this.secure.settled = undefined;
    settled?.(undefined);
  }

  /** @internal */
  override completed(completion: Completion): void {
    if (completion.kind === 'send') {
      securedSent(this, completion);
    } else if (completion.kind === 'receive') {
      this.#received(completion);
    } else {
      finSent(this, completion);
    }
  }

  #received(completion: Completion): void {
    const { secure } = this;
    if ((this.flags & CLOSING) !== 0) {
      received(this, completion);
    } else if (completion.buffer === undefined) {
      transportEnded(this, completion);
    } else if (secure.phase === SECURED && (this.flags & PEER_FIN) === 0) {
      decryptReceived(this, secure.session as TlsSession, completion);
    } else if (secure.phase < SECURED) {
      addHandshakeBytes(this, completion.data);
      receivedNoData(this, completion, false);
    } else {
      // After close_notify, or a failure, nothing counts.
      receivedNoData(this, completion);
    }
  }

  /** @internal */
  override postWritten(): void {
    postSecured(this);
  }

  /** @internal */
  override timeIsUp(): void {
    if (this.secure.phase === SECURED) {
      securedTimeIsUp(this);
    } else {
      handshakeTimeIsUp(this);
    }
  }

  /** @internal */
  override ticksMoved(ticks: number): void {
    const { secure } = this;
    secure.dueTick = secure.dueTick === NEVER ? NEVER : movedTick(secure.dueTick, ticks);
    moveTicks(this, ticks);
  }

  /** @internal */
  override failed(error: Error): void {
    close(this, 'error', error);
  }

  /** @internal The last handler was called: what OpenSSL has for it is freed. */
  override ended(): void {
    const { cipher, opened, phase, session, settled } = this.secure;
    if (!opened && phase !== SECURED) {
      const { ending } = this;
      this.group.counters.countFailedHandshake(ending?.error, ending?.reason);
    }
    session?.free();
    this.secure.input = undefined;
    if (cipher !== undefined) {
      this.secure.cipher = undefined;
      this.group.engine.writes.giveUnowned(cipher);
    }
    this.secure.settled = undefined;
    settled?.(this.ending?.reason === 'engine_closed' ? cancelledByClose('connect') : whyClosed(this));
  }
}
