/** Uncaught exceptions, for a test that expects them: without this they would fail the test. */

/** Runs `body` with the list of uncaught exceptions, as it grows. */
export async function collectingUncaught(body: (uncaught: readonly unknown[]) => Promise<void>): Promise<void> {
  const uncaught: unknown[] = [];
  // Not a listener: the test runner has one of its own, which would get the exception too.
  process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
  try {
    await body(uncaught);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
}
