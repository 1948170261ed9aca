/** Operation slots: allocated, released, grown, in any order. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OperationTable, RECEIVE, SEND } from '../../src/port/operations.js';
import { OverlappedSocket, socketHomes } from '../../src/port/socket.js';
import { FakeDriver } from '../support/fake-driver.js';

function someSocket(): OverlappedSocket {
  return new OverlappedSocket(socketHomes(new FakeDriver().sockets).ipv4, 3, 'connected');
}

describe('operation slots', () => {
  test('no slot is allocated twice, generations distinguish old from new, and counts add up', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(1000), { freq: 2 }), { maxLength: 800 }), (steps) => {
        const table = new OperationTable(2 ** 16);
        const socket = someSocket();
        const taken = new Map<number, number>();
        const over: [number, number][] = [];
        for (const step of steps) {
          if (step === null && taken.size > 0) {
            const [slot, generation] = [...taken][0] as [number, number];
            taken.delete(slot);
            table.release(slot);
            over.push([slot, generation]);
          } else {
            const slot = table.allocate(step !== null && step % 2 === 0 ? SEND : RECEIVE, socket, step);
            assert.equal(taken.has(slot), false);
            assert.equal(table.contextOf(slot), step);
            taken.set(slot, table.generation[slot] as number);
          }
        }
        assert.equal(table.inFlight, taken.size);
        for (const [slot, generation] of taken) {
          assert.equal(table.isCurrent(slot, generation), true);
        }
        for (const [slot, generation] of over) {
          assert.equal(table.isCurrent(slot, generation), false);
        }
      }),
    );
  });

  test('the table grows to its limit, and then reports that it is full', () => {
    const table = new OperationTable(1000);
    const socket = someSocket();
    const slots = new Set(Array.from({ length: 1000 }, () => table.allocate(RECEIVE, socket, undefined)));
    assert.equal(slots.size, 1000);
    assert.throws(() => table.allocate(RECEIVE, socket, undefined), { code: 'ENOBUFS', message: /operationsMax/ });
    const freed = [...slots][500] as number;
    table.release(freed);
    assert.equal(table.allocate(RECEIVE, socket, undefined), freed);
  });

  test('any number of sends has memory for what it sends, and other operations have none', () => {
    const table = new OperationTable(2 ** 16);
    const socket = someSocket();
    const receives = Array.from({ length: 5000 }, () => table.allocate(RECEIVE, socket, undefined));
    const few = table.address.length;
    assert(few <= 1024, `${few} of 5000`);
    const sends = Array.from({ length: 3000 }, () => table.allocate(SEND, socket, undefined));
    assert.equal(new Set([...receives, ...sends]).size, 8000);
    for (const slot of sends) {
      assert.equal(table.copyBlock[slot], -1);
      assert(slot < table.address.length);
      assert(slot < table.owners.length);
    }
    for (const slot of [...receives, ...sends]) {
      table.release(slot);
    }
    assert.equal(table.inFlight, 0);
    const again = Array.from({ length: 8000 }, () => table.allocate(SEND, socket, undefined));
    assert.equal(new Set(again).size, 8000);
  });

  test('releasing a free slot fails an assertion', () => {
    const table = new OperationTable(256);
    assert.throws(() => table.release(0));
  });
});
