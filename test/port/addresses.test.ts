/** Addresses in the kernel's form and back, errors, and wake handles. */

import assert from 'node:assert/strict';
import { isIPv6, SocketAddress as NodeAddress } from 'node:net';
import { describe, test } from 'node:test';
import { getSystemErrorMap } from 'node:util';
import fc from 'fast-check';
import { formatAddress, OperationError, type SocketAddress } from 'overlapped';
import { decodeSockaddr, encodeSockaddr, isMapped } from '../../src/drivers/common/sockaddr.js';
import { linuxErrors } from '../../src/drivers/linux/errors.js';
import { linuxAddresses } from '../../src/drivers/linux/sockaddr.js';
import { Slab } from '../../src/ffi/memory.js';
import { closeWakeHandle, createWakeHandle, postWakeUp } from '../../src/port/waker.js';

const slab = new Slab(256);

function roundTrip(address: SocketAddress): SocketAddress {
  slab.u8.fill(0xee);
  const byteLength = encodeSockaddr(linuxAddresses, slab, 0, address);
  return decodeSockaddr(linuxAddresses, slab, 0, byteLength);
}

describe('addresses', () => {
  test('an IPv4 address survives a round trip through its sockaddr', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65535), (address, port) => {
        assert.deepEqual(roundTrip({ family: 'ipv4', address, port }), { family: 'ipv4', address, port });
      }),
    );
  });

  test("an IPv6 address survives a round trip, in Node's spelling", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(65535), (address, port) => {
        const back = roundTrip({ family: 'ipv6', address, port });
        assert.ok(back.family === 'ipv6' && isIPv6(back.address), formatAddress(back));
        const inNode = new NodeAddress({ family: 'ipv6', address, port }).address;
        // Node also writes former IPv4-compatible IPv6 addresses with dots (::1.2.3.4); RFC 5952 does so only for known
        // prefixes of IPv4.
        assert.equal(back.address, /^::[\d.]+$/.test(inNode) ? back.address : inNode);
        assert.deepEqual(roundTrip({ family: 'ipv6', address: inNode, port }), back);
        assert.equal(back.port, port);
      }),
      { numRuns: 500 },
    );
  });

  for (const [text, expected] of [
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:1:0:0:0:1:0', '0:0:1::1:0'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::FFFF:0102:304', '::ffff:1.2.3.4'],
    ['0:0:0:0:0:ffff:0:0', '::ffff:0.0.0.0'],
    ['::1.2.3.4', '::102:304'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%1', 'fe80::1%lo'],
  ] as const) {
    test(`${text} is ${expected}`, () => {
      assert.deepEqual(roundTrip({ family: 'ipv6', address: text, port: 1 }), {
        family: 'ipv6',
        address: expected,
        port: 1,
      });
    });
  }

  test("a zone's name survives a round trip", () => {
    assert.deepEqual(roundTrip({ family: 'ipv6', address: 'fe80::1%lo', port: 0 }), {
      family: 'ipv6',
      address: 'fe80::1%lo',
      port: 0,
    });
  });

  test('a mapped address is recognized in any spelling, and no other address is', () => {
    const mapped = (address: string): boolean => isMapped({ family: 'ipv6', address, port: 1 });
    for (const address of ['::ffff:1.2.3.4', '::FFFF:1:2', '0:0:0::ffff:0:0', '::ffff:1.2.3.4%lo']) {
      assert.equal(mapped(address), true, address);
    }
    for (const address of ['::1', '::ffff:0:1.2.3.4', '::1.2.3.4', '64:ff9b::1.2.3.4', '1.2.3.4', 'ffff', '']) {
      assert.equal(mapped(address), false, address);
    }
  });

  test('Unix paths and abstract names survive a round trip, up to the longest', () => {
    const text = fc
      .string({ minLength: 1, maxLength: 60 })
      .filter((path) => !path.includes('\0') && Buffer.from(path).toString() === path);
    fc.assert(
      fc.property(text, fc.boolean(), (name, abstract) => {
        const path = abstract ? `\0${name}` : name;
        fc.pre(Buffer.byteLength(path) <= 107);
        assert.deepEqual(roundTrip({ family: 'unix', path }), { family: 'unix', path });
      }),
    );
    const longest = 'p'.repeat(107);
    assert.deepEqual(roundTrip({ family: 'unix', path: longest }), { family: 'unix', path: longest });
    assert.throws(() => roundTrip({ family: 'unix', path: `${longest}p` }), { code: 'ENAMETOOLONG' });
  });

  test("the text of a peer's path has no control characters", () => {
    const path = (text: string): string => formatAddress({ family: 'unix', path: text });
    assert.equal(path('/run/a b/ü'), '/run/a b/ü');
    assert.equal(path('\0name\0x'), '@name\\x00x');
    assert.equal(path('/\u001b[2J\r\n\u009b'), '/\\x1b[2J\\x0d\\x0a\\x9b');
  });

  test('any text is an address or EINVAL', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('ipv4', 'ipv6'), fc.double(), (address, family, port) => {
        try {
          roundTrip({ family, address, port } as SocketAddress);
        } catch (error) {
          assert.ok(error instanceof OperationError);
          assert.equal(error.code, 'EINVAL');
        }
      }),
    );
  });
});

describe('errors', () => {
  test("every code that Node knows has Node's errno", () => {
    for (const [errno, [code]] of getSystemErrorMap()) {
      const error = linuxErrors.create(-errno, 'test');
      if (!error.code.startsWith('UNKNOWN_')) {
        assert.equal(error.code, code, `error ${-errno}`);
        assert.equal(error.errno, errno);
        assert.equal(error.systemNumber, -errno);
      }
    }
  });

  test("have the same properties as Node's", () => {
    const error = linuxErrors.create(98, 'bind', { family: 'ipv4', address: '127.0.0.1', port: 4567 });
    assert.ok(error instanceof Error);
    assert.deepEqual(
      [error.name, error.code, error.errno, error.syscall, error.address, error.port, error.message],
      [
        'OperationError',
        'EADDRINUSE',
        -98,
        'bind',
        '127.0.0.1',
        4567,
        'bind EADDRINUSE: Address already in use 127.0.0.1:4567',
      ],
    );
  });
});

describe('wake handles', () => {
  test('can be closed after a thread was terminated during a wake-up', { timeout: 30_000 }, () => {
    const handle = createWakeHandle('epoll', -1);
    // Counted in, and never out: its worker is gone.
    Atomics.add(new Int32Array(handle.state), 1, 1);
    const start = performance.now();
    closeWakeHandle(handle);
    assert.ok(performance.now() - start < 15_000);
    assert.throws(() => postWakeUp(handle), { code: 'EBADF' });
  });
});
