/** `overlapped/win32` on Windows: every function of its tables is called once, and works as its manual describes. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as win32 from 'overlapped/win32';

const { OVERLAPPED, OVERLAPPED_ENTRY, Slab, sockaddr_in, WSABUF } = win32;

const EXTENSIONS = ['AcceptEx', 'ConnectEx', 'DisconnectEx', 'GetAcceptExSockaddrs'] as const;
const WAIT_MS = 5000;
const ADDRESS_BYTES = sockaddr_in.size + 16;

/** Names of the functions that were asked for. */
const called = new Set<string>();

/** A table whose functions are remembered when they are taken out. */
function noting<Table extends object>(table: Table): Table {
  return new Proxy(table, {
    get(target, name) {
      called.add(String(name));
      return Reflect.get(target, name);
    },
  });
}

const kernel = noting(win32.kernel32());
const winsock = noting(win32.ws2_32());

/** Memory for the arguments of one call after the other: the first half in, the second half out. */
const scratch = new Slab(256);
const out = scratch.address + 128;
const outWord = (byteOffset = 0): number => scratch.u32[(128 + byteOffset) >> 2] as number;

function socket(): number {
  const created = winsock.WSASocketW(
    win32.AF_INET,
    win32.SOCK_STREAM,
    win32.IPPROTO_TCP,
    0,
    0,
    win32.WSA_FLAG_OVERLAPPED,
  );
  assert.notEqual(created, win32.INVALID_SOCKET);
  return created;
}

/** Writes 127.0.0.1 with a port. */
function loopback(port: number): number {
  scratch.u8.fill(0, 0, sockaddr_in.size);
  scratch.u16[sockaddr_in.sin_family >> 1] = win32.AF_INET;
  scratch.u8.set([port >> 8, port], sockaddr_in.sin_port);
  scratch.u8.set([127, 0, 0, 1], sockaddr_in.sin_addr);
  return scratch.address;
}

/** The port that getsockname or getpeername gives. */
function portBy(call: win32.ForeignFunction, of: number): number {
  scratch.u32[(128 + sockaddr_in.size) >> 2] = sockaddr_in.size;
  assert.equal(call(of, out, out + sockaddr_in.size), 0);
  return portAt(scratch, 128);
}

function portAt(slab: win32.Slab, byteOffset: number): number {
  const [high = 0, low = 0] = slab.u8.subarray(byteOffset + sockaddr_in.sin_port);
  return high * 256 + low;
}

/** All of them, so that none is collected while the system may still write to it. */
const operations: Operation[] = [];

/** An operation's OVERLAPPED with a WSABUF, flags and a buffer after it. */
class Operation {
  readonly slab = new Slab(256);
  readonly overlapped = this.slab.address;
  readonly wsaBuf = this.overlapped + OVERLAPPED.size;
  readonly flags = this.wsaBuf + WSABUF.size;
  readonly buffer = this.overlapped + 128;

  constructor(text = '', byteLength = text.length) {
    operations.push(this);
    this.slab.u32[(OVERLAPPED.size + WSABUF.len) >> 2] = byteLength;
    this.slab.setAddress(OVERLAPPED.size + WSABUF.buf, this.buffer);
    this.slab.u8.set(Buffer.from(text), 128);
  }

  text(byteLength: number): string {
    return Buffer.from(this.slab.u8.subarray(128, 128 + byteLength)).toString();
  }
}

let port = 0;
let listener = 0;
let address = 0;
const sockets: number[] = [];

/** Takes a completion by the function of the seed; returns its OVERLAPPED, number of bytes, key and error. */
function dequeue(): { overlapped: number; bytes: number; key: number; error: number } {
  const done = kernel.GetQueuedCompletionStatus(port, out, out + 8, out + 16, WAIT_MS);
  const error = done === 0 ? kernel.GetLastError() : 0;
  return { overlapped: scratch.addressAt(128 + 16), bytes: outWord(), key: scratch.addressAt(128 + 8), error };
}

/** Takes completions, several at a time, until there are `count`; returns their OVERLAPPEDs. */
function dequeueSeveral(count: number): number[] {
  const entries = new Slab(8 * OVERLAPPED_ENTRY.size);
  const found: number[] = [];
  while (found.length < count) {
    assert.notEqual(kernel.GetQueuedCompletionStatusEx(port, entries.address, 8, out, WAIT_MS, 0), 0);
    for (let index = 0; index < outWord(); index++) {
      found.push(entries.addressAt(index * OVERLAPPED_ENTRY.size + OVERLAPPED_ENTRY.lpOverlapped));
    }
  }
  return found;
}

function extension(name: win32.Extension): win32.ForeignFunction {
  const loaded = win32.loadExtension(name, listener);
  assert(loaded !== undefined, `${name}: ${winsock.WSAGetLastError()}`);
  return loaded;
}

/** Whether a call that returns a BOOL has begun its operation. */
function begun(result: number): boolean {
  return result !== 0 || winsock.WSAGetLastError() === win32.WSA_IO_PENDING;
}

before(() => {
  port = kernel.CreateIoCompletionPort(win32.INVALID_HANDLE_VALUE, 0, 0, 0);
  assert.notEqual(port, 0);
  listener = socket();
  assert.equal(winsock.bind(listener, loopback(0), sockaddr_in.size), 0);
  assert.equal(winsock.listen(listener, 8), 0);
  address = portBy(winsock.getsockname, listener);
  assert.equal(kernel.CreateIoCompletionPort(listener, port, 1, 0), port);
});

after(() => {
  for (const each of [...sockets, listener]) {
    winsock.closesocket(each);
  }
  kernel.CloseHandle(port);
});

test('WSAStartup succeeds, as often as it is called', () => {
  assert.equal(winsock.WSAStartup(0x0202, new Slab(512).address), 0);
});

test('loadExtension returns all four functions, the same ones each time', () => {
  for (const name of EXTENSIONS) {
    assert.equal(typeof extension(name), 'function');
    assert.equal(extension(name), extension(name));
  }
  assert.equal(win32.loadExtension('AcceptEx', win32.INVALID_SOCKET), undefined);
  assert.equal(winsock.WSAGetLastError(), win32.WSAENOTSOCK);
});

test('handles have numbers and an inherit flag, and a wrong handle is an error of GetLastError', () => {
  scratch.u32[128 >> 2] = 0xffff_ffff;
  assert.notEqual(kernel.GetProcessHandleCount(kernel.GetCurrentProcess(), out), 0);
  assert.notEqual(outWord(), 0xffff_ffff);
  assert.notEqual(kernel.SetHandleInformation(port, win32.HANDLE_FLAG_INHERIT, 0), 0);
  assert.notEqual(kernel.CloseHandle(kernel.CreateIoCompletionPort(win32.INVALID_HANDLE_VALUE, 0, 0, 0)), 0);
  assert.equal(kernel.CloseHandle(0x7ffc), 0);
  assert.equal(kernel.GetLastError(), 6, 'ERROR_INVALID_HANDLE');
});

test('a posted packet is dequeued, and then the wait times out', () => {
  assert.notEqual(kernel.PostQueuedCompletionStatus(port, 64, 7, 0), 0);
  assert.deepEqual(dequeue(), { overlapped: 0, bytes: 64, key: 7, error: 0 });
  assert.equal(kernel.GetQueuedCompletionStatus(port, out, out + 8, out + 16, 0), 0);
  assert.equal(kernel.GetLastError(), win32.WAIT_TIMEOUT);
});

describe('overlapped operations', () => {
  let client = 0;
  let server = 0;

  test('AcceptEx and ConnectEx connect, and GetAcceptExSockaddrs returns the peer', () => {
    client = socket();
    server = socket();
    sockets.push(client, server);
    assert.equal(winsock.bind(client, loopback(0), sockaddr_in.size), 0);
    const clientPort = portBy(winsock.getsockname, client);
    for (const each of [client, server]) {
      assert.equal(kernel.CreateIoCompletionPort(each, port, each, 0), port);
    }
    const accept = new Operation();
    const connect = new Operation();
    const { buffer, flags: received, overlapped } = accept;
    assert(
      begun(extension('AcceptEx')(listener, server, buffer, 0, ADDRESS_BYTES, ADDRESS_BYTES, received, overlapped)),
    );
    assert(begun(extension('ConnectEx')(client, loopback(address), sockaddr_in.size, 0, 0, 0, connect.overlapped)));
    assert.deepEqual(dequeueSeveral(2).sort(), [accept.overlapped, connect.overlapped].sort());

    scratch.setAddress(0, listener);
    const { SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, SO_UPDATE_CONNECT_CONTEXT } = win32;
    assert.equal(winsock.setsockopt(server, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, scratch.address, 8), 0);
    assert.equal(winsock.setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, 0, 0), 0);
    assert.equal(portBy(winsock.getpeername, client), address);
    const found = extension('GetAcceptExSockaddrs');
    found(buffer, 0, ADDRESS_BYTES, ADDRESS_BYTES, out, out + 16, out + 8, out + 20);
    assert.equal(portAt(accept.slab, scratch.addressAt(128 + 8) - accept.slab.address), clientPort);
  });

  test('WSASend and WSARecv transfer bytes', () => {
    const send = new Operation('across');
    const receive = new Operation('', 100);
    assert.equal(winsock.WSASend(client, send.wsaBuf, 1, 0, 0, send.overlapped, 0), 0);
    assert.deepEqual(dequeue(), { overlapped: send.overlapped, bytes: 6, key: client, error: 0 });
    const result = winsock.WSARecv(server, receive.wsaBuf, 1, 0, receive.flags, receive.overlapped, 0);
    assert(begun(result === 0 ? 1 : 0));
    assert.deepEqual(dequeue(), { overlapped: receive.overlapped, bytes: 6, key: server, error: 0 });
    assert.equal(receive.text(6), 'across');
  });

  test('CancelIoEx ends a receive', () => {
    const { overlapped, wsaBuf, flags } = new Operation('', 100);
    assert.notEqual(winsock.WSARecv(server, wsaBuf, 1, 0, flags, overlapped, 0), 0);
    assert.equal(winsock.WSAGetLastError(), win32.WSA_IO_PENDING);
    assert.notEqual(kernel.CancelIoEx(server, overlapped), 0);
    const { overlapped: cancelled, error } = dequeue();
    assert.deepEqual([cancelled, error], [overlapped, win32.WSA_OPERATION_ABORTED]);
  });

  test('the peer of DisconnectEx sees the end of the stream', () => {
    const disconnect = new Operation();
    assert(begun(extension('DisconnectEx')(client, disconnect.overlapped, 0, 0)));
    assert.equal(dequeue().overlapped, disconnect.overlapped);
    assert.equal(winsock.recv(server, out, 8, 0), 0);
  });

  test('an immediate completion posts no packet if SetFileCompletionNotificationModes asks for that', () => {
    const modes = win32.FILE_SKIP_COMPLETION_PORT_ON_SUCCESS;
    assert.notEqual(kernel.SetFileCompletionNotificationModes(server, modes), 0);
    const { overlapped, wsaBuf, flags } = new Operation('', 8);
    assert.equal(winsock.WSARecv(server, wsaBuf, 1, out + 64, flags, overlapped, 0), 0);
    assert.equal(kernel.GetQueuedCompletionStatus(port, out, out + 8, out + 16, 0), 0);
    assert.equal(kernel.GetLastError(), win32.WAIT_TIMEOUT);
  });
});

test('blocking connect, select, accept, send and recv work, and so do shutdown and closesocket', () => {
  const client = socket();
  assert.equal(winsock.connect(client, loopback(address), sockaddr_in.size), 0);

  const readable = new Slab(win32.fd_set.size);
  readable.u32[win32.fd_set.fd_count >> 2] = 1;
  readable.setAddress(win32.fd_set.fd_array, listener);
  scratch.i32.set([WAIT_MS / 1000, 0], 0);
  assert.equal(winsock.select(0, readable.address, 0, 0, scratch.address), 1);
  const server = winsock.accept(listener, 0, 0);
  assert.notEqual(server, win32.INVALID_SOCKET);

  scratch.u8.set(Buffer.from('waits'));
  assert.equal(winsock.send(client, scratch.address, 5, 0), 5);
  assert.equal(winsock.recv(server, out, 8, 0), 5);
  assert.equal(winsock.shutdown(client, win32.SD_SEND), 0);
  assert.equal(winsock.recv(server, out, 8, 0), 0);
  assert.deepEqual([winsock.closesocket(server), winsock.closesocket(client)], [0, 0]);
});

test('options and modes of a socket can be set', () => {
  const server = sockets[1] as number;
  scratch.u32[0] = 1;
  assert.equal(winsock.setsockopt(server, win32.IPPROTO_TCP, win32.TCP_NODELAY, scratch.address, 4), 0);
  scratch.u32.set([0, 4], 128 >> 2);
  assert.equal(winsock.getsockopt(server, win32.IPPROTO_TCP, win32.TCP_NODELAY, out, out + 4), 0);
  assert.notEqual(outWord() & 255, 0);

  assert.equal(winsock.ioctlsocket(listener, win32.FIONBIO, scratch.address), 0);
  assert.equal(winsock.accept(listener, 0, 0), win32.INVALID_SOCKET);
  assert.equal(winsock.WSAGetLastError(), win32.WSAEWOULDBLOCK);
  scratch.u32[0] = 0;
  assert.equal(winsock.WSAIoctl(listener, win32.FIONBIO, scratch.address, 4, 0, 0, out, 0, 0), 0);
});

test('pages are allocated, written, read and freed', () => {
  const pages = kernel.VirtualAlloc(0, 100_000, win32.MEM_RESERVE | win32.MEM_COMMIT, win32.PAGE_READWRITE);
  assert.notEqual(pages, 0);
  scratch.u8.set(Buffer.from('moved'));
  kernel.RtlMoveMemory(pages + 90_000, scratch.address, 5);
  kernel.RtlMoveMemory(out, pages + 89_999, 6);
  assert.equal(Buffer.from(scratch.u8.subarray(128, 134)).toString('latin1'), '\0moved');
  assert.notEqual(kernel.VirtualFree(pages, 0, win32.MEM_RELEASE), 0);
});

test('every function was called', () => {
  const all = [...Object.keys(win32.kernel32()), ...Object.keys(win32.ws2_32())];
  assert.deepEqual(
    all.filter((name) => !called.has(name)),
    [],
  );
});
