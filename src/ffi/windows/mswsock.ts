/**
 * The extension functions of Winsock. WSAIoctl returns their addresses; asking once saves the lookup that each direct
 * call of mswsock.dll makes (WSAIoctl, "Remarks").
 */

import { Buffer } from 'node:buffer';
import { type ForeignFunction, functionAt } from '../library.js';
import { Slab } from '../memory.js';
import { SIO_GET_EXTENSION_FUNCTION_POINTER } from './constants.js';
import { ws2_32 } from './ws2_32.js';

/** Functions with the bytes of their WSAID (mswsock.h) and their prototypes. */
const FUNCTIONS: Readonly<Record<Extension, readonly [id: string, prototype: string]>> = {
  /** Returns a BOOL. FALSE with WSA_IO_PENDING means that the operation is pending. */
  AcceptEx: [
    'f17d36b5accbcf1195ca00805f48a192',
    'int (int64_t sListenSocket, int64_t sAcceptSocket, int64_t lpOutputBuffer, uint32_t dwReceiveDataLength, uint32_t dwLocalAddressLength, uint32_t dwRemoteAddressLength, int64_t lpdwBytesReceived, int64_t lpOverlapped)',
  ],
  /** Returns a BOOL. The socket must be bound. */
  ConnectEx: [
    'b907a225f3dd60468ee976e58c74063e',
    'int (int64_t s, int64_t name, int namelen, int64_t lpSendBuffer, uint32_t dwSendDataLength, int64_t lpdwBytesSent, int64_t lpOverlapped)',
  ],
  /** Returns a BOOL. */
  DisconnectEx: [
    '112eda7f30866f43a031f536a6eec157',
    'int (int64_t hSocket, int64_t lpOverlapped, uint32_t dwFlags, uint32_t reserved)',
  ],
  /** Finds both addresses in AcceptEx's output buffer. */
  GetAcceptExSockaddrs: [
    'f27d36b5accbcf1195ca00805f48a192',
    'void (int64_t lpOutputBuffer, uint32_t dwReceiveDataLength, uint32_t dwLocalAddressLength, uint32_t dwRemoteAddressLength, int64_t LocalSockaddr, int64_t LocalSockaddrLength, int64_t RemoteSockaddr, int64_t RemoteSockaddrLength)',
  ],
};

/** The names of Winsock's extension functions. */
export type Extension = 'AcceptEx' | 'ConnectEx' | 'DisconnectEx' | 'GetAcceptExSockaddrs';

/** Memory for WSAIoctl: the WSAID, the function's address, and the number of bytes written. */
const ANSWER = { id: 0, address: 16, written: 24, size: 32 } as const;
const GUID_BYTES = 16;
const ADDRESS_BYTES = 8;

/** By name and address: address families share functions, and koffi never frees a declared prototype. */
const declared = new Map<string, ForeignFunction>();

/**
 * Returns an extension function of the provider of `socket`; undefined if that fails, with the reason in
 * WSAGetLastError.
 */
export function loadExtension(name: Extension, socket: number): ForeignFunction | undefined {
  const [id, prototype] = FUNCTIONS[name];
  const memory = new Slab(ANSWER.size);
  memory.u8.set(Buffer.from(id, 'hex'));
  const { address } = memory;
  const [found, written] = [address + ANSWER.address, address + ANSWER.written];
  const code = SIO_GET_EXTENSION_FUNCTION_POINTER;
  if (ws2_32().WSAIoctl(socket, code, address + ANSWER.id, GUID_BYTES, found, ADDRESS_BYTES, written, 0, 0) !== 0) {
    return undefined;
  }
  const pointer = memory.addressAt(ANSWER.address);
  const key = `${name}_${pointer}`;
  const known = declared.get(key);
  if (known !== undefined) {
    return known;
  }
  const fresh = functionAt(pointer, prototype);
  declared.set(key, fresh);
  return fresh;
}
