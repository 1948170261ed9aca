/** Prints the code of the error when there is no memory for the receive buffers. */

import { CompletionPort } from 'overlapped/port';

try {
  CompletionPort.create({ bufferCount: 2048, bufferSizeBytes: 2 ** 20 }).close();
  CompletionPort.create({ bufferCount: 2048, bufferSizeBytes: 2 ** 20 }).close();
  const ports = Array.from({ length: 8 }, () => CompletionPort.create({ bufferCount: 2048, bufferSizeBytes: 2 ** 20 }));
  console.log(`none: ${ports.length} ports`);
} catch (error) {
  console.log((error as NodeJS.ErrnoException).code);
}
process.exit();
