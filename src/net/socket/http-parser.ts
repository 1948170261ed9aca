/**
 * The parser of an http server takes received bytes where they are, as it takes those of a handle in Node. Through the event
 * `data` they would be copied first, and pass the stream.
 */

import { Buffer } from 'node:buffer';
import type { NetSocket, SocketState } from './state.js';

/** The parser of `node:http`, as lib/_http_server.js uses it. Its callbacks have numbers for names. */
interface HttpParser {
  [callback: number]: unknown;
  readonly constructor: unknown;
  readonly incoming: { readonly upgrade?: unknown } | null;
  execute(bytes: Uint8Array): number | Error;
  getCurrentBuffer(): Buffer;
}

type ParserClass = Readonly<
  Record<'REQUEST' | 'kOnHeadersComplete' | 'kOnBody' | 'kOnMessageComplete' | 'kOnExecute', number>
> &
  (new () => HttpParser & { initialize(type: number, resource: object): void });

type Executed = (result: number | Error) => void;

interface HttpSocket extends NetSocket {
  readonly parser?: HttpParser | null;
  /** Listeners by event: a single one is not in an array. */
  readonly _events?: { readonly data?: unknown };
}

/** The listener of `data` that feeds the parser: `onData` of `connectionListenerInternal`. */
const LISTENER_NAME = 'bound socketOnData';

/** The callback that a parser calls after it has taken bytes of a handle; undefined if that way cannot be used. */
let executedCallback: number | undefined;
let isProbed = false;

/** The name of the callback, if this parser gives a program nothing but copies. */
function probe(Parser: ParserClass): number | undefined {
  const request = Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab');
  const copies: unknown[] = [];
  try {
    const parser = new Parser();
    parser.initialize(Parser.REQUEST, {});
    parser[Parser.kOnHeadersComplete] = () => 0;
    parser[Parser.kOnBody] = (body: unknown) => copies.push(body, parser.getCurrentBuffer());
    parser[Parser.kOnMessageComplete] = () => undefined;
    const taken = parser.execute(request);
    const whole = request.toString('latin1');
    request.fill(0);
    const texts = copies.map((copy) => Buffer.isBuffer(copy) && copy.toString('latin1'));
    const areCopies = taken === request.length && texts.length === 2 && texts[0] === 'ab' && texts[1] === whole;
    return areCopies && Number.isInteger(Parser.kOnExecute) ? Parser.kOnExecute : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a listener feeds the parser of a server. The state remembers one that does, so that its name is compared once. */
function feedsParser(state: SocketState, listener: unknown): boolean {
  if (typeof listener !== 'function' || listener.name !== LISTENER_NAME) {
    return false;
  }
  state.parserListener = listener;
  return true;
}

/** Node's callback after the parser of a server has taken bytes; undefined for a client, or where it cannot be used. */
function executedOf(parser: HttpParser): Executed | undefined {
  if (!isProbed) {
    isProbed = true;
    executedCallback = probe(parser.constructor as ParserClass);
  }
  const executed = executedCallback === undefined ? undefined : parser[executedCallback];
  return typeof executed === 'function' ? (executed as Executed) : undefined;
}

/**
 * Calls back after the parser has found an error, or a request that ends HTTP. The callback passes the bytes on to the
 * program, so it gets a copy of them.
 */
function finish(parser: HttpParser, executed: Executed, result: number | Error, bytes: Buffer): void {
  const copy = Buffer.from(bytes);
  parser.getCurrentBuffer = () => copy;
  try {
    executed(result);
  } finally {
    Reflect.deleteProperty(parser, 'getCurrentBuffer');
  }
}

/**
 * Gives bytes to the parser, if it is the only one that takes what the socket receives.
 * @returns whether it has taken them
 */
export function parse(state: SocketState, bytes: Buffer): boolean {
  const socket = state.socket as HttpSocket;
  const { parser } = socket;
  if (parser === undefined || parser === null) {
    return false;
  }
  const executed = executedOf(parser);
  const listener = socket._events?.data;
  if (executed === undefined || (listener !== state.parserListener && !feedsParser(state, listener))) {
    return false;
  }
  if (listener === undefined || socket.readableFlowing !== true || socket.readableLength > 0) {
    return false;
  }
  const result = parser.execute(bytes);
  if (typeof result === 'number' && !parser.incoming?.upgrade) {
    executed(result);
  } else {
    finish(parser, executed, result, bytes);
  }
  return true;
}
