/** `overlapped/net` on the driver `epoll`. */

process.env.OVERLAPPED_DRIVER = 'epoll';
const { netSuite } = await import('./suite.js');
netSuite('epoll');
