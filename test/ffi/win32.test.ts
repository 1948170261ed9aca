/** `overlapped/win32` on other systems: programs that may use it can be written and loaded, and its calls fail clearly. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as win32 from 'overlapped/win32';

test('can be imported on every system, with its tables, constants and slabs', () => {
  assert.equal(win32.OVERLAPPED.size, 32);
  assert.equal(win32.ERROR_NETNAME_DELETED, 64);
  const slab = new win32.Slab(win32.WSABUF.size);
  slab.setAddress(win32.WSABUF.buf, slab.address);
  assert.equal(slab.addressAt(win32.WSABUF.buf), slab.address);
  assert.equal(win32.addressOf(slab.u8), slab.address);
});

for (const [name, library, call] of [
  ['kernel32', 'kernel32.dll', win32.kernel32],
  ['ws2_32', 'ws2_32.dll', win32.ws2_32],
  ['loadExtension', 'ws2_32.dll', () => win32.loadExtension('AcceptEx', win32.INVALID_SOCKET)],
] as const) {
  test(`calling ${name} fails: there is no ${library}`, () => {
    assert.throws(call, (error) => {
      assert(error instanceof win32.LibraryError);
      assert.equal(error.code, 'ERR_DLOPEN_FAILED');
      assert.match(error.message, new RegExp(`^There is no ${library} on this system: `));
      return true;
    });
  });
}
