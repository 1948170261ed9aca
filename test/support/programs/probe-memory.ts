/**
 * Tries multishot receive while the garbage collector runs at each wait for the kernel. Prints, as JSON, the result,
 * and how many buffer rings existed at each wait.
 */

import { queryObjects } from 'node:v8';
import { BufferRing } from '../../../src/drivers/io-uring/buffer-ring.js';
import { findMultishotReceive } from '../../../src/drivers/io-uring/multishot-probe.js';
import { Ring } from '../../../src/drivers/io-uring/ring.js';

const alive: number[] = [];
const { enter } = Ring.prototype;
Ring.prototype.enter = function (timeoutMs: number): void {
  // It collects before it counts.
  alive.push(queryObjects(BufferRing, { format: 'count' }));
  enter.call(this, timeoutMs);
};
const multishot = findMultishotReceive();
console.log(JSON.stringify({ multishot, alive }));
