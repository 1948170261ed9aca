/**
 * The time that libuv says an event loop has slept, to which a port adds the time that it has waited in the loop's
 * place. Without this, `performance.eventLoopUtilization()` would count such waits as work, and programs that shed load
 * by it would refuse clients on an idle machine.
 *
 * libuv has no function for that. Its counter is a 64-bit word of `uv__loop_internal_fields_t`, which
 * `uv_loop_t.internal_fields` points to; the place of the word is private, so it is searched for, and used only after
 * libuv has returned a value that was written there.
 */

import { viewOf } from '../../ffi/library.js';
import type { Libuv } from '../../ffi/linux/libuv.js';
import { HIGH_WORD } from '../../ffi/memory.js';

/** Offset of `internal_fields` in `uv_loop_t` (uv.h), which is part of libuv's stable ABI. */
const INTERNAL_FIELDS = 40;

/** The part of the internal fields that is searched: its flags, and metrics of 18 words (libuv 1.45 and later). */
const SEARCHED_BYTES = 8 + 18 * 8;

const WORD = 0x1_0000_0000;
const NS_PER_MS = 1e6;

/** A 64-bit number below 2 ** 53. */
function numberAt(words: Uint32Array, index: number): number {
  return (words[index] as number) + (words[index + HIGH_WORD] as number) * WORD;
}

export class IdleTime {
  readonly #words: Uint32Array;
  readonly #index: number;

  private constructor(words: Uint32Array, index: number) {
    this.#words = words;
    this.#index = index;
  }

  /** The counter of the loop; undefined if it is not found, as before the loop has slept for the first time. */
  static find(uv: Libuv): IdleTime | undefined {
    const slept = uv.uv_metrics_idle_time(uv.loop);
    if (slept === 0) {
      return undefined;
    }
    const pointer = new Uint32Array(viewOf(uv.loop + INTERNAL_FIELDS, 8));
    const fields = numberAt(pointer, 0);
    if (fields === 0) {
      return undefined;
    }
    const words = new Uint32Array(viewOf(fields, SEARCHED_BYTES));
    const places: IdleTime[] = [];
    for (let index = 0; index < words.length; index += 2) {
      if (numberAt(words, index) === slept) {
        places.push(new IdleTime(words, index));
      }
    }
    const [place] = places;
    return places.length === 1 && place?.isProven(uv, slept) === true ? place : undefined;
  }

  /** Whether libuv returns what is written here. */
  private isProven(uv: Libuv, slept: number): boolean {
    this.#add(1);
    const proven = uv.uv_metrics_idle_time(uv.loop) === slept + 1;
    this.#set(slept);
    return proven;
  }

  /** Adds a wait. */
  add(waitedMs: number): void {
    if (waitedMs > 0) {
      this.#add(Math.round(waitedMs * NS_PER_MS));
    }
  }

  #add(nanoseconds: number): void {
    this.#set(numberAt(this.#words, this.#index) + nanoseconds);
  }

  /** Only this thread writes the word. Another that reads it between both halves sees a wrong time once. */
  #set(nanoseconds: number): void {
    this.#words[this.#index] = nanoseconds % WORD;
    this.#words[this.#index + HIGH_WORD] = Math.floor(nanoseconds / WORD);
  }
}
