/** All checks. */

import type { Check } from '../check.js';
import { ATTACK_CHECKS } from './attacks.js';
import { DATABASE_CHECKS } from './databases.js';
import { HTTP_CHECKS } from './http.js';
import { LOAD_CHECKS } from './load.js';
import { MQTT_CHECKS } from './mqtt.js';
import { NODE_CHECKS } from './node.js';
import { SECURE_CHECKS } from './secure.js';
import { SOAK_CHECKS } from './soak.js';
import { SOCKET_CHECKS } from './sockets.js';

export const CHECKS: readonly Check[] = [
  ...NODE_CHECKS,
  ...HTTP_CHECKS,
  ...SOCKET_CHECKS,
  ...SECURE_CHECKS,
  ...MQTT_CHECKS,
  ...DATABASE_CHECKS,
  ...LOAD_CHECKS,
  ...ATTACK_CHECKS,
  ...SOAK_CHECKS,
];
