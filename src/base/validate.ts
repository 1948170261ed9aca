/**
 * Checks of what a program passes: values, and objects of options by a table with a check for each name. A wrong one is an
 * error that says which option it is, what is expected, and what was found.
 */

import { invalidType, invalidValue, misuse, outOfRange, quoted } from './argument-errors.js';
import { suggestionFor } from './suggest.js';

export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** A number with a fraction is refused. Infinity is accepted if `most` is Infinity. */
  readonly whole?: boolean;
  /** The number must be a multiple of this. */
  readonly step?: number;
}

/** The largest int: systems take numbers as such, and would cut a larger one to 32 bits. */
export const INT_MAX = 2 ** 31 - 1;

/** Counts and sizes that have no upper limit. */
export const ANY_COUNT: NumberRange = { least: 1, most: Infinity, whole: true };

/** Times in ms; 0 and Infinity are no limit. */
export const ANY_TIME: NumberRange = { least: 0, most: Infinity };

function rangeText({ least, most, whole, step }: NumberRange): string {
  const kind = whole === true ? 'a whole number' : 'a number';
  return `${kind} from ${least} to ${most}${step === undefined ? '' : ` in steps of ${step}`}`;
}

/** @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` */
export function checkNumber(name: string, value: unknown, range: NumberRange): asserts value is number {
  if (typeof value !== 'number') {
    throw invalidType(name, rangeText(range), value);
  }
  const { least, most, whole, step = 1 } = range;
  const fits = value >= least && value <= most;
  if (!fits || (whole === true && value !== Infinity && (!Number.isInteger(value) || value % step !== 0))) {
    throw outOfRange(name, rangeText(range), value);
  }
}

/** A number in its range, or the default if it is missing. @throws TypeError, RangeError */
export function numberOr(name: string, value: unknown, byDefault: number, range: NumberRange): number {
  const chosen = value ?? byDefault;
  checkNumber(name, chosen, range);
  return chosen;
}

/** A function of the program's, or the default. @throws TypeError `ERR_INVALID_ARG_TYPE` */
export function functionOr<Given extends (...args: never[]) => unknown>(
  name: string,
  given: Given | null | undefined,
  byDefault: Given,
): Given {
  const chosen = given ?? byDefault;
  aFunction(name, chosen);
  return chosen;
}

/** @throws TypeError `ERR_INVALID_ARG_TYPE` */
export function checkIsObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidType(name, 'an object', value);
  }
}

/** Checks the value of an option that is neither undefined nor null. @throws TypeError, RangeError */
export type Check = (name: string, value: unknown) => void;

/** The options that exist, with the check of each. */
export type OptionTable = Readonly<Record<string, Check>>;

export function aFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') {
    throw invalidType(name, 'a function', value);
  }
}

export function aBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') {
    throw invalidType(name, 'true or false', value);
  }
}

export function aString(name: string, value: unknown): void {
  if (typeof value !== 'string') {
    throw invalidType(name, 'a string', value);
  }
}

export function anArrayOfStrings(name: string, value: unknown): void {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) {
    throw invalidType(name, 'an array of strings', value);
  }
}

/** For options that are checked where they are used, or that may be anything. */
export function anything(): void {
  // Nothing is wrong.
}

export function aNumber(range: NumberRange): Check {
  return (name, value) => checkNumber(name, value, range);
}

/** One of a few texts or numbers. */
export function oneOf(...values: readonly (string | number)[]): Check {
  const kinds = new Set(values.map((value) => typeof value));
  const texts = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const expected = `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
  return (name, value) => {
    if (!(values as readonly unknown[]).includes(value)) {
      const wrong = kinds.has(typeof value as 'string') ? invalidValue : invalidType;
      throw wrong(name, expected, value);
    }
  };
}

/** An object of options inside of options, such as `limits`. */
export function aGroup(rules: Omit<OptionRules, 'what' | 'prefix'>): Check {
  return (name, value) => checkOptions(value, { ...rules, what: name, prefix: `${name}.` });
}

/** The names of a table, with the names that programs may know an option by, for suggestions. */
export function namesOf(...tables: readonly (OptionTable | Readonly<Record<string, string>>)[]): Map<string, string> {
  return new Map(
    tables.flatMap((table) =>
      Object.entries(table).map(([name, value]) => [name, typeof value === 'string' ? value : name] as const),
    ),
  );
}

export interface OptionRules {
  /** The name of the object in messages. */
  readonly what: string;
  readonly table: OptionTable;
  /** Precedes the name of each option in messages. */
  readonly prefix?: string;
  /** Names to suggest for a name that does not exist. */
  readonly meant: ReadonlyMap<string, string>;
  /** Names that exist elsewhere, with the sentence that says where. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

/** Objects of a class may have properties of their own; the names in others must exist, as a misspelt limit is none. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  // The prototype of plain objects has none itself, in every realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Checks an object of options: each name that it has of its own exists, and each value is right. Values that are undefined
 * or null are missing ones. Getters, inherited values and frozen objects count as any other.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`
 */
export function checkOptions(options: unknown, rules: OptionRules): void {
  const { what, table, prefix = '' } = rules;
  checkIsObject(what, options);
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of isPlain(options) ? Object.keys(options) : []) {
    if (!Object.hasOwn(table, name) && given[name] !== undefined) {
      throw unknownOption(name, rules);
    }
  }
  for (const [name, check] of Object.entries(table)) {
    const value = given[name];
    if (value !== undefined && value !== null) {
      check(prefix + name, value);
    }
  }
}

function unknownOption(name: string, { prefix = '', meant, elsewhere = {} }: OptionRules): Error {
  const shown = /^[\w$]{1,64}$/.test(name) ? name : quoted(name);
  if (Object.hasOwn(elsewhere, name)) {
    return misuse(`${prefix}${shown}: ${elsewhere[name]}`);
  }
  const suggestion = suggestionFor(name, meant);
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  return misuse(`${prefix}${shown}: there is no such option${hint}`);
}

/** The names of `table` that `without` lacks, with the sentence that says where they belong. */
export function missingFrom(without: OptionTable, table: OptionTable, where: string): Record<string, string> {
  const names = Object.keys(table).filter((name) => !Object.hasOwn(without, name));
  return Object.fromEntries(names.map((name) => [name, where]));
}

export const OF_LISTEN = 'it is an option of listen, not of connect';
export const OF_CONNECT = 'it is an option of connect, not of listen';
