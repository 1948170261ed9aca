/**
 * An end of a simulated connection that speaks TLS, and belongs to no engine: the peer of a test, which may keep no manners.
 * It has the methods and properties of a `SimEndpoint`.
 */

import type { SocketAddress } from 'overlapped';
import type { EndpointState, SimEndpoint } from 'overlapped/sim';
import { addressOfBytes, type ForeignFunction, Library } from '../../src/ffi/library.js';
import type { SecureContext } from '../../src/tls/context.js';
import { tlsLibrary } from '../../src/tls/library.js';
import { TlsSession } from '../../src/tls/session.js';

const SSL_VERIFY_NONE = 0;
const SSL_KEY_UPDATE_REQUESTED = 1;
const WRITE_BYTES_MAX = 16_384;
const NO_HOOKS = { protocols: undefined, keylog: undefined };

let keyUpdate: ForeignFunction | undefined;

export class SecureEndpoint {
  readonly #endpoint: SimEndpoint;
  readonly #session: TlsSession;
  /** Whether its end is announced by close_notify. */
  readonly #announcesEnd: boolean;
  /** Encrypted bytes that the network has not taken. */
  #output: Buffer = Buffer.alloc(0);
  /** Decrypted bytes that were not read. */
  #input: Buffer = Buffer.alloc(0);
  #done = false;
  #error: string | undefined;
  #peerEnded = false;
  #ending = false;
  onChange: (() => void) | undefined = undefined;

  constructor(endpoint: SimEndpoint, side: 'server' | 'client', context: SecureContext, announcesEnd = true) {
    this.#endpoint = endpoint;
    this.#announcesEnd = announcesEnd;
    this.#session = new TlsSession(tlsLibrary(), context, side);
    if (side === 'client') {
      this.#session.verify(SSL_VERIFY_NONE, 'go on');
      this.#session.askFor('localhost');
    }
    endpoint.onChange = () => {
      this.#proceed();
      this.onChange?.();
    };
    if (side === 'client') {
      this.#handshake(undefined);
    }
    this.#proceed();
  }

  get state(): EndpointState {
    const { state } = this.#endpoint;
    if (state !== 'connected') {
      return state;
    }
    if (this.#error !== undefined) {
      return 'failed';
    }
    return this.#done ? 'connected' : 'connecting';
  }

  get code(): string | undefined {
    return this.#error ?? this.#endpoint.code;
  }

  get localAddress(): SocketAddress {
    return this.#endpoint.localAddress;
  }

  get remoteAddress(): SocketAddress | undefined {
    return this.#endpoint.remoteAddress;
  }

  /** Decrypted bytes. Nothing is taken from the network while there are some. */
  get readable(): number {
    this.#fill();
    return this.#input.length;
  }

  get ended(): boolean {
    this.#fill();
    return this.#input.length === 0 && this.#peerEnded;
  }

  get writable(): number {
    const free =
      this.state === 'connected' && !this.#ending && this.#output.length === 0 && this.#endpoint.writable > 0;
    return free ? WRITE_BYTES_MAX : 0;
  }

  read(bytesMax = Infinity): Buffer {
    this.#fill();
    const bytes = this.#input.subarray(0, bytesMax);
    this.#input = this.#input.subarray(bytes.length);
    return bytes;
  }

  /** @param bytes at most `writable` */
  write(bytes: Buffer): number {
    this.#session.write(addressOfBytes(bytes), bytes.length);
    this.#takeWritten();
    this.#send();
    return bytes.length;
  }

  /** Changes its keys, with its next write, and asks the peer to do the same. */
  requestKeyUpdate(): void {
    keyUpdate ??= new Library(null).declare('int SSL_key_update(int64_t s, int updatetype)');
    keyUpdate(this.#session.ssl, SSL_KEY_UPDATE_REQUESTED);
  }

  end(): void {
    if (!this.#ending && this.state === 'connected') {
      this.#ending = true;
      if (this.#announcesEnd) {
        this.#session.closeNotify();
        this.#takeWritten();
      }
      this.#send();
    }
  }

  close(options: { readonly reset?: boolean } = {}): void {
    this.#session.free();
    this.#endpoint.close(options);
  }

  #proceed(): void {
    if (this.#endpoint.state !== 'connected' || this.#session.ssl === 0) {
      return;
    }
    while (!this.#done && this.#error === undefined && this.#endpoint.readable > 0) {
      this.#handshake(this.#endpoint.read());
    }
    if (!this.#done && this.#endpoint.ended) {
      this.#error ??= 'ERR_TLS_TRUNCATED';
    }
    this.#send();
  }

  #handshake(bytes: Buffer | undefined): void {
    const step = this.#session.handshake(bytes, NO_HOOKS);
    const { unread } = this.#session.library;
    this.#session.library.offer(0, 0);
    this.#takeWritten();
    if (step instanceof Error) {
      this.#error = (step as NodeJS.ErrnoException).code;
    } else if (step === 'done') {
      this.#done = true;
      if (bytes !== undefined && unread > 0) {
        this.#decrypt(bytes.subarray(bytes.length - unread));
      }
    }
  }

  /** Takes bytes from the network if none are left. */
  #fill(): void {
    while (this.#done && this.#input.length === 0 && !this.#peerEnded && this.state === 'connected') {
      if (this.#endpoint.readable === 0) {
        if (this.#endpoint.ended) {
          this.#error = 'ERR_TLS_TRUNCATED';
        }
        return;
      }
      this.#decrypt(this.#endpoint.read());
    }
  }

  #decrypt(bytes: Buffer): void {
    const { copied, lent, byteLength, ended, error } = this.#session.read(
      bytes,
      0,
      bytes.length,
      addressOfBytes(bytes),
    );
    this.#input = Buffer.concat([this.#input, copied ?? Buffer.alloc(0), bytes.subarray(0, byteLength)]);
    lent?.release();
    this.#peerEnded = ended;
    this.#error = (error as NodeJS.ErrnoException | undefined)?.code;
    this.#takeWritten();
    this.#send();
  }

  #takeWritten(): void {
    const { library } = this.#session;
    const bytes = Buffer.allocUnsafeSlow(library.written);
    if (bytes.length > 0) {
      library.take(addressOfBytes(bytes), bytes.length);
      this.#output = Buffer.concat([this.#output, bytes]);
    }
    library.takenAll();
  }

  #send(): void {
    const taken = Math.min(this.#output.length, this.#endpoint.writable);
    if (taken > 0) {
      const bytes = this.#output.subarray(0, taken);
      this.#output = this.#output.subarray(taken);
      this.#endpoint.write(bytes);
    }
    if (this.#ending && this.#output.length === 0) {
      this.#endpoint.end();
    }
  }
}
