/** Modules of Node that are loaded at their first use: that takes milliseconds, and most programs use no TLS. */

import type nodeCrypto from 'node:crypto';
import type nodeTls from 'node:tls';
import { process } from '../base/runtime.js';

export function lateCrypto(): typeof nodeCrypto {
  return process.getBuiltinModule('node:crypto');
}

export function lateTls(): typeof nodeTls {
  return process.getBuiltinModule('node:tls');
}
