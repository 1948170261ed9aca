/**
 * What all copies of this package in one thread must have in common. There may be several: two versions in
 * `node_modules`, or a test runner that loads modules anew for each test file.
 */

import events from 'node:events';

/**
 * An object of Node's own that every realm of the thread sees: a test runner may give each test file a global object of
 * its own, but Node's modules are the same in all of them.
 */
const HOME = events as unknown as Record<symbol, unknown>;

/**
 * Returns the value that every copy of the package in this thread has under a name; the first caller creates it.
 * @param name what it is, and the version of its shape, as in `wakers:1`: a copy of another version has other classes, so
 * the shape is plain data and functions, and a change of it is a new version
 */
export function sharedByCopies<Value>(name: string, create: () => Value): Value {
  const key = Symbol.for(`overlapped:${name}`);
  if (!(key in HOME)) {
    Object.defineProperty(HOME, key, { value: create() });
  }
  return HOME[key] as Value;
}
