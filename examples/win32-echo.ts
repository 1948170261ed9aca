/**
 * An IOCP tutorial's echo server, call by call, on Windows' own completion port. It uses only the raw bindings of
 * overlapped. Run it with `node dist/examples/win32-echo.js [PORT]` on Windows, or with
 * `npm run windows -- dist/examples/win32-echo.js [PORT]` in Wine, then type into `ncat 127.0.0.1 4567`.
 */

import * as win32 from 'overlapped/win32';

const { CreateIoCompletionPort, GetLastError, GetQueuedCompletionStatus } = win32.kernel32();
const { WSAGetLastError, WSARecv, WSASend, WSASocketW, bind, closesocket, getsockname, listen, setsockopt } =
  win32.ws2_32();
const { OVERLAPPED, sockaddr_in, WSABUF } = win32;

const port = Number(process.argv[2] ?? 4567);
const ACCEPTS = 10;
const CLIENTS_MAX = 1000;
const DATA_BUFF_SIZE = 4096;

/** Per-I/O data that the system writes. An address keeps nothing alive, so this slab lives as long as the program. */
const IO_DATA_BASE = { overlapped: 0, buffer: OVERLAPPED.size, size: OVERLAPPED.size + DATA_BUFF_SIZE };
const memory = new win32.Slab((ACCEPTS + CLIENTS_MAX) * IO_DATA_BASE.size);

/** The rest of the per-I/O data. A record has one operation at a time, and is free only if none is in flight. */
const records = Array.from({ length: ACCEPTS + CLIENTS_MAX }, (_, index) => ({
  address: memory.address + index * IO_DATA_BASE.size,
  sockfd: win32.INVALID_SOCKET,
  length: 0,
  sent: 0,
  iotype: 'ACCEPT' as 'ACCEPT' | 'RECV' | 'SEND',
}));
type IoData = (typeof records)[number];
const free = [...records];
let acceptsPosted = 0;

/** Variables whose address is passed to a call, which needs them only until it returns. */
const VARIABLES = { sin: 0, namelen: 16, flags: 20, wsaBuf: 24, bytesTrans: 40, key: 48, lpOverlapped: 56, size: 64 };
const variables = new win32.Slab(VARIABLES.size);
const at = (name: keyof typeof VARIABLES): number => variables.address + VARIABLES[name];

// 1. Create the listening socket, overlapped, as socket() would make it.
const createSocket = (): number =>
  WSASocketW(win32.AF_INET, win32.SOCK_STREAM, win32.IPPROTO_TCP, 0, 0, win32.WSA_FLAG_OVERLAPPED);
const sockServer = createSocket();
check(sockServer !== win32.INVALID_SOCKET, 'WSASocketW');

// 2. Bind it, exclusively. INADDR_ANY is zeros; the port's high byte comes first (htons).
variables.u32[VARIABLES.flags >> 2] = 1;
setsockopt(sockServer, win32.SOL_SOCKET, win32.SO_EXCLUSIVEADDRUSE, at('flags'), 4);
variables.u16[(VARIABLES.sin + sockaddr_in.sin_family) >> 1] = win32.AF_INET;
variables.u8.set([port >> 8, port], VARIABLES.sin + sockaddr_in.sin_port);
check(bind(sockServer, at('sin'), sockaddr_in.size) === 0, 'bind');

// 3. Listen.
check(listen(sockServer, 64) === 0, 'listen');

// 4. Create the completion port.
const completionPort = CreateIoCompletionPort(win32.INVALID_HANDLE_VALUE, 0, 0, 0);
check(completionPort !== 0, 'CreateIoCompletionPort');

// 5. Associate the listening socket with it. Its completion key is the socket itself.
check(CreateIoCompletionPort(sockServer, completionPort, sockServer, 0) !== 0, 'CreateIoCompletionPort');

// 11. Preload AcceptEx: WSAIoctl with SIO_GET_EXTENSION_FUNCTION_POINTER and WSAID_ACCEPTEX gives its address.
const AcceptEx = win32.loadExtension('AcceptEx', sockServer) as win32.ForeignFunction;
check(AcceptEx !== undefined, 'WSAIoctl');

variables.u32[VARIABLES.namelen >> 2] = sockaddr_in.size;
getsockname(sockServer, at('sin'), at('namelen'));
const [high = 0, low = 0] = variables.u8.subarray(VARIABLES.sin + sockaddr_in.sin_port);
console.log(`listening on 0.0.0.0:${high * 256 + low}`);

for (;;) {
  // 6. Keep accepts posted. One that failed for lack of sockets or memory is tried again within a second.
  while (acceptsPosted < ACCEPTS && free.length > 0 && postAccept(free.pop() as IoData)) {
    acceptsPosted++;
  }

  // 7. Get the next completion. Its OVERLAPPED begins the per-I/O data: CONTAINING_RECORD is a subtraction.
  const done = GetQueuedCompletionStatus(completionPort, at('bytesTrans'), at('key'), at('lpOverlapped'), 1000);
  const error = done === 0 ? GetLastError() : 0;
  if (error === win32.WAIT_TIMEOUT) {
    continue;
  }
  const lpOverlapped = variables.addressAt(VARIABLES.lpOverlapped);
  check(lpOverlapped !== 0, 'GetQueuedCompletionStatus', error);
  const io = records[(lpOverlapped - memory.address) / IO_DATA_BASE.size] as IoData;
  const bytesTrans = variables.u32[VARIABLES.bytesTrans >> 2] as number;
  acceptsPosted -= io.iotype === 'ACCEPT' ? 1 : 0;

  if (error !== 0) {
    // An error concerns one connection only. ERROR_NETNAME_DELETED: the client has reset it.
    close(io, error === win32.ERROR_NETNAME_DELETED ? 'reset by the client' : `${io.iotype}: error ${error}`);
  } else if (io.iotype === 'ACCEPT') {
    associate(io);
  } else if (bytesTrans === 0) {
    // The client has ended its stream, and has everything back. Closing ends our side too.
    close(io, 'end of stream');
  } else if (io.iotype === 'RECV') {
    postSend(io, 0, bytesTrans);
  } else if (io.sent + bytesTrans < io.length) {
    postSend(io, io.sent + bytesTrans, io.length);
  } else {
    postRecv(io);
  }
}

function postAccept(io: IoData): boolean {
  io.sockfd = createSocket();
  prepare(io, 'ACCEPT', 0, 0);
  const [buffer, ofAddress] = [io.address + IO_DATA_BASE.buffer, sockaddr_in.size + 16];
  // With no bytes to receive, the accept completes when the connection is made, not when the client sends.
  const done = AcceptEx(sockServer, io.sockfd, buffer, 0, ofAddress, ofAddress, at('bytesTrans'), io.address);
  return posted(io, done !== 0);
}

// 8. Associate the client's socket with the port. Its per-I/O data is that of its accept.
function associate(io: IoData): void {
  console.log(`new client sockfd=${io.sockfd}`);
  // The accept's key is the listening socket. Without this option the client's socket has no addresses.
  setsockopt(io.sockfd, win32.SOL_SOCKET, win32.SO_UPDATE_ACCEPT_CONTEXT, at('key'), 8);
  if (CreateIoCompletionPort(io.sockfd, completionPort, io.sockfd, 0) === 0) {
    close(io, `CreateIoCompletionPort: error ${GetLastError()}`);
  } else {
    postRecv(io);
  }
}

// 9. Post a receive.
function postRecv(io: IoData): void {
  prepare(io, 'RECV', 0, DATA_BUFF_SIZE);
  posted(io, WSARecv(io.sockfd, at('wsaBuf'), 1, 0, at('flags'), io.address, 0) === 0);
}

// 10. Post a send of the received bytes, or of those that an earlier send has left.
function postSend(io: IoData, sent: number, length: number): void {
  Object.assign(io, { sent, length });
  prepare(io, 'SEND', sent, length - sent);
  posted(io, WSASend(io.sockfd, at('wsaBuf'), 1, 0, 0, io.address, 0) === 0);
}

/** Zeroes the OVERLAPPED and the flags, and sets the WSABUF to a part of the buffer. */
function prepare(io: IoData, iotype: IoData['iotype'], start: number, byteLength: number): void {
  const offset = io.address - memory.address;
  memory.u8.fill(0, offset, offset + OVERLAPPED.size);
  variables.u32[VARIABLES.flags >> 2] = 0;
  variables.u32[(VARIABLES.wsaBuf + WSABUF.len) >> 2] = byteLength;
  variables.setAddress(VARIABLES.wsaBuf + WSABUF.buf, io.address + IO_DATA_BASE.buffer + start);
  io.iotype = iotype;
}

/** Whether a completion will arrive: also if the operation has completed at once, but not if it could not be posted. */
function posted(io: IoData, done: boolean): boolean {
  const error = done ? win32.WSA_IO_PENDING : WSAGetLastError();
  if (error !== win32.WSA_IO_PENDING) {
    close(io, `${io.iotype}: error ${error}`);
  }
  return error === win32.WSA_IO_PENDING;
}

function close(io: IoData, reason: string): void {
  console.log(`closed sockfd=${io.sockfd}: ${reason}`);
  closesocket(io.sockfd);
  free.push(io);
}

function check(succeeded: boolean, call: string, error = GetLastError()): void {
  if (!succeeded) {
    console.error(`${call}: error ${error}`);
    process.exit(1);
  }
}
