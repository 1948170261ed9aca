/** What nobody catches, for a test that expects it: without this it would fail the test. */

/** Runs `body`, which is given the list of what was thrown where nobody caught it, as it grows. */
export async function collectingUncaught(body: (uncaught: readonly unknown[]) => Promise<void>): Promise<void> {
  const uncaught: unknown[] = [];
  // Not a listener: the test runner has one of its own, which would hear it too.
  process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
  try {
    await body(uncaught);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
}
