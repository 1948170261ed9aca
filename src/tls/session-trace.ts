/** `enableTrace` of sockets with TLS: OpenSSL describes the messages of a connection on the standard error stream. */

import { process } from '../base/runtime.js';
import { Library } from '../ffi/library.js';
import { BIO_OBJECT } from '../ffi/openssl-objects.js';
import type { TlsSession } from './session.js';

const STDERR = 2;
const SSL_CTRL_SET_MSG_CALLBACK_ARG = 16;

interface Trace {
  /** The function of OpenSSL that prints a message. */
  readonly print: number;
  /** Where it prints. It lives as long as the thread, because any connection may print until it is freed. */
  readonly output: number;
  readonly setCallback: (ssl: number, callback: number) => unknown;
}

/** Undefined before the first use; null if this OpenSSL was built without it. */
let trace: Trace | null | undefined;

function lookForTrace({ library: { objects } }: TlsSession): Trace | null {
  const native = new Library(null);
  let print: number;
  try {
    print = native.addressOf('SSL_trace');
  } catch {
    process.emitWarning(
      'enableTrace does nothing, as this OpenSSL was built without SSL_trace',
      'OverlappedNetWarning',
    );
    return null;
  }
  const setCallback = native.declare('void SSL_set_msg_callback(int64_t ssl, int64_t cb)');
  const output = native.declare('int64_t BIO_new_fd(int fd, int close_flag)')(STDERR, 0);
  objects.add(output, BIO_OBJECT);
  return { print, output, setCallback };
}

/** Prints the messages of a session from now on. */
export function traceSession(session: TlsSession): void {
  if (trace === undefined) {
    trace = lookForTrace(session);
  }
  if (trace !== null) {
    const { print, output, setCallback } = trace;
    session.library.openssl.SSL_ctrl(session.ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, output);
    setCallback(session.ssl, print);
  }
}
