/**
 * Values that all copies of this package in a thread share. There can be several copies: two versions in `node_modules`, or a
 * test runner that loads the modules again for each test file.
 */

import events from 'node:events';

/**
 * An object of Node that is the same in every realm of the thread. A test runner may give each test file its own global object,
 * but Node's modules are the same in all of them.
 */
const HOME = events as unknown as Record<symbol, unknown>;

/**
 * Returns the value that all copies of the package in this thread share under a name; the first caller creates it.
 * @param name the name and the version of the value's shape, as in `wakers:1`. Copies of another version have other classes, so
 * the value consists of plain data and functions, and a new shape needs a new version
 */
export function sharedByCopies<Value>(name: string, create: () => Value): Value {
  const key = Symbol.for(`overlapped:${name}`);
  if (!(key in HOME)) {
    Object.defineProperty(HOME, key, { value: create() });
  }
  return HOME[key] as Value;
}
