/** A CommonJS module reaches an ES module by import(), and its types by a type import with the resolution mode. */

import type { Connection } from 'overlapped' with { 'resolution-mode': 'import' };

function greet(connection: Connection): void {
  connection.write('hello');
}

async function main(): Promise<void> {
  const { connect, listen } = await import('overlapped');
  const server = await listen({ host: '127.0.0.1', port: 0, open: greet });
  const { address } = server;
  const port = address.family === 'unix' ? 0 : address.port;
  const client = await connect({ host: '127.0.0.1', port });
  for await (const chunk of client) {
    console.log(`received ${chunk.toString()}`);
    break;
  }
  await server.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
