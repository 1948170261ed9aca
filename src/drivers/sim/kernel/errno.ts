/** The error numbers of a simulated network, which are Linux's. */

import { linuxErrors } from '../../linux/errors.js';

export const EADDRINUSE = linuxErrors.numberOf('EADDRINUSE');
export const EADDRNOTAVAIL = linuxErrors.numberOf('EADDRNOTAVAIL');
export const EAFNOSUPPORT = linuxErrors.numberOf('EAFNOSUPPORT');
export const EBADF = linuxErrors.numberOf('EBADF');
export const ECANCELED = linuxErrors.numberOf('ECANCELED');
export const ECONNREFUSED = linuxErrors.numberOf('ECONNREFUSED');
export const ECONNRESET = linuxErrors.numberOf('ECONNRESET');
export const EINVAL = linuxErrors.numberOf('EINVAL');
export const EMFILE = linuxErrors.numberOf('EMFILE');
export const ENETUNREACH = linuxErrors.numberOf('ENETUNREACH');
export const ENOBUFS = linuxErrors.numberOf('ENOBUFS');
export const ENOENT = linuxErrors.numberOf('ENOENT');
export const ENOTCONN = linuxErrors.numberOf('ENOTCONN');
export const EPIPE = linuxErrors.numberOf('EPIPE');
export const ETIMEDOUT = linuxErrors.numberOf('ETIMEDOUT');
