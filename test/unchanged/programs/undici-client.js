// undici against an HTTP server: `node undici-client.js URL`. Its fetch, its pool with pipelining, and streams both ways.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { fetch, Pool, request } from 'undici';

const [url] = process.argv.slice(2);
const hello = await (await fetch(url)).text();
const missing = (await fetch(`${url}/missing`)).status;
const { items } = await (await fetch(`${url}/json`)).json();
const answers = await Promise.all(Array.from({ length: 500 }, async () => (await fetch(url)).text()));
const pool = new Pool(url, { connections: 4, pipelining: 8 });
const statuses = await Promise.all(
  Array.from({ length: 2000 }, async () => {
    const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
    return (await body.text()) === 'hello' ? statusCode : 0;
  }),
);
const data = randomBytes(5_000_000);
const sha256 = createHash('sha256').update(data).digest('hex');
const { body } = await request(`${url}/upload`, {
  method: 'PUT',
  body: Readable.from(data),
  headers: { 'content-type': 'application/octet-stream' },
});
const uploaded = await body.json();
const controller = new AbortController();
const aborted = await fetch(`${url}/trickle`, { signal: controller.signal })
  .then((response) => {
    controller.abort();
    return response.text();
  })
  .catch(({ name }) => name);
const refused = await fetch('http://127.0.0.1:1/').catch(({ cause }) => cause.code);
await pool.close();
console.log(
  JSON.stringify({
    hello,
    missing,
    items: items.length,
    fetched: answers.filter((answer) => answer === 'hello').length,
    pooled: statuses.filter((status) => status === 200).length,
    uploaded: uploaded.sha256 === sha256,
    bytes: uploaded.bytes,
    aborted,
    refused,
  }),
);
process.exit(0);
