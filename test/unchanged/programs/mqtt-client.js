// mqtt.js against a broker: QoS 0, 1 and 2, a retained message, and a will. `node mqtt-client.js PORT`
import { connectAsync } from 'mqtt';

const [port] = process.argv.slice(2);
const url = `mqtt://127.0.0.1:${port}`;
const MESSAGES = 300;
const heard = { qos0: 0, qos1: 0, qos2: 0, retained: 0, will: 0 };
const subscriber = await connectAsync(url);
const publisher = await connectAsync(url);
await publisher.publishAsync('retained', 'kept', { retain: true, qos: 1 });
// A message that is lost shows which one.
const timer = setTimeout(() => {
  console.error(`heard only ${JSON.stringify(heard)}`);
  process.exit(1);
}, 30_000);
const done = new Promise((resolve) => {
  subscriber.on('message', (topic) => {
    heard[topic] += 1;
    if (heard.qos0 + heard.qos1 + heard.qos2 === 3 * MESSAGES && heard.retained > 0 && heard.will === 1) {
      resolve();
    }
  });
});
await subscriber.subscribeAsync({
  qos0: { qos: 0 },
  qos1: { qos: 1 },
  qos2: { qos: 2 },
  retained: { qos: 1 },
  will: { qos: 0 },
});
for (const qos of [0, 1, 2]) {
  const payload = Buffer.alloc(2000, qos);
  await Promise.all(Array.from({ length: MESSAGES }, () => publisher.publishAsync(`qos${qos}`, payload, { qos })));
}
const dying = await connectAsync(url, { will: { topic: 'will', payload: 'gone', qos: 0 }, reconnectPeriod: 0 });
dying.stream.destroy();
await done;
clearTimeout(timer);
await Promise.all([subscriber.endAsync(), publisher.endAsync(), dying.endAsync(true)]);
console.log(JSON.stringify({ ...heard, retained: heard.retained > 0 }));
