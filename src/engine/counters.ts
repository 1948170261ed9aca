/** Counts, cheap enough to be always on. */

import { Buffer } from 'node:buffer';
import { CLOSE_REASONS, type CloseReason } from './close-reasons.js';

/** Codes that are counted by themselves. Errors of a program may have any, even one that a peer has sent. */
export const CODES_MAX = 64;

/** The most characters of a code that are kept. */
const CODE_LENGTH_MAX = 64;

/** Where errors are counted whose code is one too many. */
const OTHER_CODES = 'other';

/** Counts of errors by their codes. */
export class CodeCounts {
  readonly #counts = new Map<string, number>();

  /** An error: by its code, or else by its name. */
  count(error: unknown): void {
    this.countCode(codeOf(error));
  }

  countCode(found: string): void {
    const counts = this.#counts;
    const code = counts.has(found) || counts.size < CODES_MAX ? found : OTHER_CODES;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  /** A code may be the name of anything: each is a property of its own. */
  get byCode(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/** Counts of the connections of one server, or of all that `connect` made. */
export class ConnectionCounters {
  opened = 0;
  closed = 0;
  bytesRead = 0;
  bytesWritten = 0;
  /** Calls of `data`, and of `write`. */
  messagesRead = 0;
  writes = 0;
  /** TLS handshakes: all that were done, the ones among them that resumed a session, and those that failed. */
  handshakes = 0;
  handshakesResumed = 0;
  handshakesFailed = 0;
  #handshakeFailures: CodeCounts | undefined;
  /** Handlers that threw or rejected. */
  handlerErrors = 0;
  readonly #errors = new CodeCounts();
  readonly closesByReason = Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<
    CloseReason,
    number
  >;

  countError(error: unknown): void {
    this.#errors.count(error);
  }

  /** How often each error was seen. */
  get errorsByCode(): Record<string, number> {
    return this.#errors.byCode;
  }

  /** A handshake has failed: with an error, or because its connection was closed for another reason. */
  countFailedHandshake(error: Error | undefined, reason: CloseReason | undefined): void {
    this.handshakesFailed++;
    this.#handshakeFailures ??= new CodeCounts();
    if (error === undefined) {
      this.#handshakeFailures.countCode(reason ?? OTHER_CODES);
    } else {
      this.#handshakeFailures.count(error);
    }
  }

  get handshakeFailuresByCode(): Record<string, number> {
    return this.#handshakeFailures?.byCode ?? {};
  }
}

/** A copy, as the beginning of a long text would keep all of it in memory. */
function shortened(code: string): string {
  return code.length > CODE_LENGTH_MAX ? Buffer.from(code.slice(0, CODE_LENGTH_MAX)).toString() : code;
}

/** A thrown value may be anything, and a `DOMException` has a number for a code. */
function codeOf(error: unknown): string {
  try {
    const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
    const word = [code, name].find((found) => typeof found === 'string' && found !== '') as string | undefined;
    return shortened(word ?? 'ABORT_ERR');
  } catch {
    return OTHER_CODES;
  }
}

/** Counts of an engine. */
export class EngineCounters {
  /** Operations posted. */
  acceptsPosted = 0;
  connectsPosted = 0;
  receivesPosted = 0;
  sendsPosted = 0;
  shutdownsPosted = 0;
  /** Completions of them. One operation may have many. */
  acceptsCompleted = 0;
  connectsCompleted = 0;
  receivesCompleted = 0;
  sendsCompleted = 0;
  shutdownsCompleted = 0;
  /** Rounds of the loop: batches of completions dispatched. */
  rounds = 0;
  /** Time in dispatching them, handlers above all, in ms. */
  handlersMs = 0;
}
