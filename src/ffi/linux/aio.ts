/** Constants of Linux's asynchronous I/O (`linux/aio_abi.h`, `linux/fs.h`). */

import { process } from '../../base/runtime.js';

/** Numbers of its system calls, which depend on the processor. */
export interface AioCalls {
  readonly io_setup: number;
  readonly io_destroy: number;
  readonly io_submit: number;
}

const CALLS: Readonly<Record<string, AioCalls>> = {
  x64: { io_setup: 206, io_destroy: 207, io_submit: 209 },
  arm64: { io_setup: 0, io_destroy: 1, io_submit: 2 },
};

/** The numbers for this processor; undefined if they are unknown. */
export const aioCalls: AioCalls | undefined = CALLS[process.arch];

export const IOCB_CMD_PREAD = 0;
export const IOCB_CMD_PWRITE = 1;
export const IOCB_CMD_PWRITEV = 8;

/** Kernel 6.18: a write to a broken connection sends no SIGPIPE. */
export const RWF_NOSIGNAL = 0x100;

/** `AIO_RING_MAGIC` of the kernel's `fs/aio.c`. libaio checks it, too, before it reads a ring. */
export const AIO_RING_MAGIC = 0xa10a_10a1;
