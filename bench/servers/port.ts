/**
 * An echo server on the bare completion port: `node dist/bench/servers/port.js DRIVER run|loop`, `run` being a port that
 * blocks its thread and `loop` one in Node's event loop.
 */

import type { DriverChoice } from 'overlapped';
import { type Completion, CompletionPort, type OverlappedSocket } from 'overlapped/port';
import { collectWhenAsked } from './memory-in-use.js';
import { BACKLOG, HOST, sayPort } from './roles.js';

const [driverName = 'auto', mode = 'run'] = process.argv.slice(2);
const driver = driverName as DriverChoice;

const port = CompletionPort.create({ driver });
const listener = port.createSocket('ipv4');
listener.bind({ family: 'ipv4', address: HOST, port: 0 });
listener.setOption('noDelay', 1);
listener.listen(BACKLOG);
port.associate(listener);
port.postAccept(listener);
sayPort((listener.localAddress() as { readonly port: number }).port);
if (mode === 'run') {
  port.run(handle);
} else {
  await collectWhenAsked();
  port.start(handle);
}

function handle(completion: Completion): void {
  const socket = completion.socket as OverlappedSocket;
  switch (completion.kind) {
    case 'receive':
      if (completion.code !== undefined || completion.buffer === undefined) {
        port.closeSocket(socket);
        return;
      }
      port.postSendBuffer(socket, completion.buffer, completion.bytes);
      if (!completion.more) {
        port.postReceive(socket);
      }
      return;
    case 'accept':
      if (completion.accepted !== undefined) {
        port.associate(completion.accepted);
        port.postReceive(completion.accepted);
      }
      if (!completion.more) {
        port.postAccept(listener);
      }
      return;
    default:
      if (completion.code !== undefined) {
        port.closeSocket(socket);
      }
  }
}
