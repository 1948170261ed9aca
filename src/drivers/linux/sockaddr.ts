/** Addresses as Linux has them. */

import { AF_INET, AF_INET6, AF_UNIX } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import type { AddressSystem } from '../sockaddr.js';

export const linuxAddresses: AddressSystem = {
  AF_UNIX,
  AF_INET,
  AF_INET6,
  interfaceIndex: (name) => libc().if_nametoindex(name),
};
