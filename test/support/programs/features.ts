/** Prints a driver's features, and what an echo gave. Argument: the driver. */

import { eventually } from '../harness.js';
import { LoopEcho } from '../loop-echo.js';
import { connectNode } from '../node-client.js';

const [driver = 'auto'] = process.argv.slice(2);
const echo = new LoopEcho({ driver }).start();
const client = await connectNode(echo.number);
client.socket.write('ping');
await eventually(() => client.bytes === 4, 'the echo');
client.socket.destroy();
const { features } = echo.port;
echo.port.close();
console.log(JSON.stringify({ features, echoed: client.data.toString() }));
