/**
 * `overlapped/register`: a preload that puts `overlapped/net` under an unchanged program. It exports nothing:
 *
 *     node --import overlapped/register app.js
 *     node --require overlapped/register app.cjs
 *
 * docs/run-existing.md says what moves, what stays Node's own, and how to see it. `OVERLAPPED=off` switches it off.
 */

import { createRequire } from 'node:module';
import { fileHere } from './base/runtime.js';
import type * as Moving from './register/move.js';
import { register } from './register/register.js';

const require = createRequire(fileHere(import.meta.url));

register(() => require('./register/move.js') as typeof Moving);
