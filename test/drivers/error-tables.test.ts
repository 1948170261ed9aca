/** The tables of errors: one code for each number, and Windows' NTSTATUS values on the way to them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numberOfStatus, windowsErrors } from '../../src/drivers/windows/errors.js';

/** ntstatus.h */
const STATUS = {
  SUCCESS: 0,
  PENDING: 0x103,
  BUFFER_OVERFLOW: 0x80000005,
  INVALID_HANDLE: 0xc0000008,
  INSUFFICIENT_RESOURCES: 0xc000009a,
  IO_TIMEOUT: 0xc00000b5,
  NETWORK_NAME_DELETED: 0xc00000c9,
  TOO_MANY_OPENED_FILES: 0xc000011f,
  CANCELLED: 0xc0000120,
  LOCAL_DISCONNECT: 0xc000013b,
  REMOTE_DISCONNECT: 0xc000013c,
  CONNECTION_RESET: 0xc000020d,
  CONNECTION_REFUSED: 0xc0000236,
  NETWORK_UNREACHABLE: 0xc000023c,
  HOST_UNREACHABLE: 0xc000023d,
  CONNECTION_ABORTED: 0xc0000241,
} as const;

function codeOf(status: number): string {
  // An OVERLAPPED is read as signed words.
  return windowsErrors.codeOf(numberOfStatus(status | 0));
}

describe('an NTSTATUS code', () => {
  test('of success is not an error', () => {
    assert.deepEqual([STATUS.SUCCESS, STATUS.PENDING].map(numberOfStatus), [0, 0]);
  });

  test("has Linux's code for the same error", () => {
    const codes = Object.fromEntries(
      Object.entries(STATUS)
        .filter(([, status]) => status >= 0x80000000)
        .map(([name, status]) => [name, codeOf(status)]),
    );
    assert.deepEqual(codes, {
      BUFFER_OVERFLOW: 'EMSGSIZE',
      INVALID_HANDLE: 'EBADF',
      INSUFFICIENT_RESOURCES: 'ENOBUFS',
      IO_TIMEOUT: 'ETIMEDOUT',
      NETWORK_NAME_DELETED: 'ECONNRESET',
      TOO_MANY_OPENED_FILES: 'EMFILE',
      CANCELLED: 'ECANCELED',
      LOCAL_DISCONNECT: 'ECONNABORTED',
      REMOTE_DISCONNECT: 'ECONNRESET',
      CONNECTION_RESET: 'ECONNRESET',
      CONNECTION_REFUSED: 'ECONNREFUSED',
      NETWORK_UNREACHABLE: 'ENETUNREACH',
      HOST_UNREACHABLE: 'EHOSTUNREACH',
      CONNECTION_ABORTED: 'ECONNABORTED',
    });
  });

  test('that is not in the table keeps its number', () => {
    assert.equal(numberOfStatus(0xc0001234 | 0), 0xc0001234);
    assert.equal(codeOf(0xc0001234), 'UNKNOWN_3221230132');
    const error = windowsErrors.create(numberOfStatus(0xc0001234 | 0), 'receive');
    assert.deepEqual([error.code, error.systemNumber], ['UNKNOWN_3221230132', 0xc0001234]);
  });
});

test("a code that several error numbers share is posted with Winsock's number", () => {
  assert.deepEqual(
    ['ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'ENOBUFS', 'EMFILE', 'EINVAL', 'ECANCELED'].map((code) =>
      windowsErrors.numberOf(code),
    ),
    [10054, 10053, 10060, 10055, 10024, 10022, 995],
  );
});
