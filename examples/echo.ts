/**
 * The eleven steps of an IOCP tutorial's echo server, on a completion port. Run it with `node dist/examples/echo.js [PORT]`, then
 * type into `ncat 127.0.0.1 4567`.
 */

import type { Completion, DriverChoice, OverlappedSocket } from 'overlapped/port';
import { CompletionBatch, CompletionPort, formatAddress } from 'overlapped/port';

const port = Number(process.argv[2] ?? 4567);

// 4. Create the completion port. (11. On Windows the driver preloads AcceptEx.)
const completionPort = CompletionPort.create({ driver: (process.argv[3] ?? 'auto') as DriverChoice });

// 1. Create the listening socket. All sockets of a port are overlapped.
const listener = completionPort.createSocket('ipv4');

// 2. Give it its address.
listener.bind({ family: 'ipv4', address: '0.0.0.0', port });

// 3. Listen.
listener.listen(64);

// 5. Associate the listening socket with the port.
completionPort.associate(listener, 'listener');

// 6. Post the first accept.
completionPort.postAccept(listener);
console.log(`listening on ${formatAddress(listener.localAddress())} (${completionPort.driver})`);

// 7. Dequeue completions. Each says which operation it belongs to.
let messages = 0;
const batch = new CompletionBatch(64);
for (;;) {
  const count = completionPort.getQueuedCompletions(batch, Infinity);
  for (let index = 0; index < count; index++) {
    const completion = batch.at(index);
    const client = completion.socket as OverlappedSocket;
    if (completion.kind === 'accept') {
      accepted(completion);
    } else if (completion.code !== undefined) {
      completionPort.closeSocket(client);
    } else if (completion.kind === 'receive') {
      received(client, completion);
    } else if (completion.kind === 'send') {
      // 9. Everything is sent: post the next receive.
      completionPort.postReceive(client, { once: true });
    }
  }
}

function accepted(completion: Completion): void {
  const client = completion.accepted;
  if (client !== undefined) {
    // 8. Associate the client's socket. Its key is the state of the connection.
    completionPort.associate(client, 'client');
    // 9. Post the first receive. The port chooses a buffer when data arrives.
    completionPort.postReceive(client, { once: true });
  }
  if (!completion.more) {
    completionPort.postAccept(listener);
  }
}

function received(client: OverlappedSocket, completion: Completion): void {
  if (completion.bytes === 0) {
    // The peer has ended its stream, and has everything back.
    completionPort.closeSocket(client);
    return;
  }
  messages++;
  if (messages % 100_000 === 1) {
    console.log(`${messages} messages`);
  }
  // 10. Post the send of the received bytes, directly from their buffer.
  completionPort.postSend(client, completion.data);
}
