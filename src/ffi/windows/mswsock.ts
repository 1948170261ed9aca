/**
 * The extension functions of Winsock. A provider gives their addresses by WSAIoctl; asking once saves the lookup that
 * calling mswsock.dll directly makes each time (WSAIoctl, "Remarks").
 */

import { Buffer } from 'node:buffer';
import { type ForeignFunction, functionAt } from '../library.js';
import { Slab } from '../memory.js';
import { SIO_GET_EXTENSION_FUNCTION_POINTER } from './constants.js';
import { ws2_32 } from './ws2_32.js';

/** Each function with its WSAID as it lies in memory (mswsock.h), and its prototype. */
const FUNCTIONS: Readonly<Record<Extension, readonly [id: string, prototype: string]>> = {
  /** BOOL: FALSE with WSA_IO_PENDING goes on. */
  AcceptEx: [
    'f17d36b5accbcf1195ca00805f48a192',
    'int (int64_t sListenSocket, int64_t sAcceptSocket, int64_t lpOutputBuffer, uint32_t dwReceiveDataLength, uint32_t dwLocalAddressLength, uint32_t dwRemoteAddressLength, int64_t lpdwBytesReceived, int64_t lpOverlapped)',
  ],
  /** BOOL. The socket must be bound. */
  ConnectEx: [
    'b907a225f3dd60468ee976e58c74063e',
    'int (int64_t s, int64_t name, int namelen, int64_t lpSendBuffer, uint32_t dwSendDataLength, int64_t lpdwBytesSent, int64_t lpOverlapped)',
  ],
  /** BOOL. */
  DisconnectEx: [
    '112eda7f30866f43a031f536a6eec157',
    'int (int64_t hSocket, int64_t lpOverlapped, uint32_t dwFlags, uint32_t reserved)',
  ],
  /** Gives the addresses of both sockaddrs inside AcceptEx's output buffer. */
  GetAcceptExSockaddrs: [
    'f27d36b5accbcf1195ca00805f48a192',
    'void (int64_t lpOutputBuffer, uint32_t dwReceiveDataLength, uint32_t dwLocalAddressLength, uint32_t dwRemoteAddressLength, int64_t LocalSockaddr, int64_t LocalSockaddrLength, int64_t RemoteSockaddr, int64_t RemoteSockaddrLength)',
  ],
};

/** The names of Winsock's extension functions. */
export type Extension = 'AcceptEx' | 'ConnectEx' | 'DisconnectEx' | 'GetAcceptExSockaddrs';

const GUID_BYTES = 16;

/** By name and address: families share a provider's functions, and koffi keeps each declared prototype for good. */
const declared = new Map<string, ForeignFunction>();

/**
 * An extension function of the provider that `socket` belongs to. Returns undefined when it has none; WSAGetLastError
 * says why.
 */
export function loadExtension(name: Extension, socket: number): ForeignFunction | undefined {
  const [id, prototype] = FUNCTIONS[name];
  const memory = new Slab(GUID_BYTES + 16);
  memory.u8.set(Buffer.from(id, 'hex'));
  const { address } = memory;
  const found = address + GUID_BYTES;
  const code = SIO_GET_EXTENSION_FUNCTION_POINTER;
  if (ws2_32().WSAIoctl(socket, code, address, GUID_BYTES, found, 8, found + 8, 0, 0) !== 0) {
    return undefined;
  }
  const pointer = memory.addressAt(GUID_BYTES);
  const key = `${name}_${pointer}`;
  const known = declared.get(key);
  if (known !== undefined) {
    return known;
  }
  const fresh = functionAt(pointer, prototype);
  declared.set(key, fresh);
  return fresh;
}
