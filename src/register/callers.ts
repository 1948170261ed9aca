/** Which file of Node calls a function of `node:net`. */

const FRAMES = 8;

/**
 * Whether files of Node whose names begin so are among the callers. It takes some microseconds. A program may have replaced
 * how stacks are made, or have switched them off. If Node has frozen them (`--frozen-intrinsics`), they have as many frames
 * as are needed here.
 * @param files such as `node:internal/cluster/`
 */
export function isCalledFrom(files: string): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const place: { stack?: string } = {};
  try {
    Reflect.deleteProperty(Error, 'prepareStackTrace');
    Reflect.set(Error, 'stackTraceLimit', FRAMES);
    Error.captureStackTrace(place, isCalledFrom);
    return place.stack?.includes(files) === true;
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
    if (prepareStackTrace !== undefined) {
      Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
    }
  }
}
