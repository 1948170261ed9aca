/** `overlapped/net` on the driver `select`. */

process.env.OVERLAPPED_DRIVER = 'select';
const { netSuite } = await import('./suite.js');
netSuite('select');
