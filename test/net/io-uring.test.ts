/** `overlapped/net` on the driver `io_uring`. */

process.env.OVERLAPPED_DRIVER = 'io_uring';
const { netSuite } = await import('./suite.js');
netSuite('io_uring');
