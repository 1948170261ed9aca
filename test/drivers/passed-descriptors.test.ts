/** A Unix-domain socket's peer may pass descriptors with its bytes: they are not taken, and all bytes come. */

import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { MSG_NOSIGNAL } from '../../src/ffi/linux/constants.js';
import { libc } from '../../src/ffi/linux/libc.js';
import { iovec, msghdr } from '../../src/ffi/linux/structs.js';
import { keepUntilHere, Slab } from '../../src/ffi/memory.js';
import { connectPair, withPort } from '../support/harness.js';
import { linux } from '../support/linux.js';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** `struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }` and one descriptor, padded to whole words. */
const CONTROL = { cmsg_len: 0, cmsg_level: 8, cmsg_type: 12, descriptor: 16, length: 20, size: 24 } as const;

const skip = process.platform !== 'linux' && 'it makes calls of Linux';

function sendWithDescriptor(socket: number, text: string, descriptor: number): void {
  const bytes = new Slab(text.length);
  bytes.u8.set(Buffer.from(text));
  const vector = new Slab(iovec.size);
  vector.setAddress(iovec.iov_base, bytes.address);
  vector.setAddress(iovec.iov_len, text.length);
  const control = new Slab(CONTROL.size);
  control.setAddress(CONTROL.cmsg_len, CONTROL.length);
  control.i32[CONTROL.cmsg_level >> 2] = SOL_SOCKET;
  control.i32[CONTROL.cmsg_type >> 2] = SCM_RIGHTS;
  control.i32[CONTROL.descriptor >> 2] = descriptor;
  const message = new Slab(msghdr.size);
  message.setAddress(msghdr.msg_iov, vector.address);
  message.setAddress(msghdr.msg_iovlen, 1);
  message.setAddress(msghdr.msg_control, control.address);
  message.setAddress(msghdr.msg_controllen, CONTROL.size);
  assert.equal(libc().sendmsg(socket, message.address, MSG_NOSIGNAL), text.length);
  keepUntilHere(bytes, vector, control);
}

for (const driver of linux.drivers) {
  // A receive stops after such bytes even if more are available, and edge-triggered epoll does not report them twice.
  test(`bytes that follow a passed descriptor are received at once (${driver})`, { skip, timeout: 60_000 }, () =>
    withPort({ driver }, async (dequeuer, port) => {
      const path = `/tmp/overlapped-passed-${process.pid}-${driver}`;
      const { client, server } = await connectPair(dequeuer, undefined, { family: 'unix', path });
      port.postReceive(server);
      port.postSend(client, Buffer.from('first'));
      assert.equal((await dequeuer.receiveAll(server, 5)).data.toString(), 'first');
      const before = linux.descriptorsOpen();
      const descriptor = openSync('/dev/null', 'r');
      sendWithDescriptor(client.handle, 'head', descriptor);
      assert.equal(libc().close(descriptor), 0);
      port.postSend(client, Buffer.from(' and body'));
      await dequeuer.next('send');
      assert.equal((await dequeuer.receiveAll(server, 13)).data.toString(), 'head and body');
      assert.equal(linux.descriptorsOpen(), before);
    }),
  );
}
