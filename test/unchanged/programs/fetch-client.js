// Node's own fetch and http.Agent against an HTTP server: `node fetch-client.js URL`.
import { Agent, get, request as httpRequest } from 'node:http';

const [url] = process.argv.slice(2);
const answers = await Promise.all(Array.from({ length: 300 }, async () => (await fetch(url)).text()));
const echo = await fetch(`${url}/echo`, {
  method: 'POST',
  headers: { 'content-type': 'application/octet-stream' },
  body: new Uint8Array(2_000_000).fill(9),
});
const echoed = (await echo.arrayBuffer()).byteLength;

const agent = new Agent({ keepAlive: true, maxSockets: 5 });
const sockets = new Set();
const one = () => {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      sockets.add(response.socket);
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
};
const got = await Promise.all(Array.from({ length: 500 }, one));
const timeout = await new Promise((resolve) => {
  // The server answers when it has the whole body.
  const request = httpRequest(`${url}/upload`, { method: 'PUT', timeout: 50 });
  request.write('half of it');
  request.once('timeout', () => {
    request.destroy();
    resolve('timeout');
  });
  request.on('error', () => undefined);
});
agent.destroy();
console.log(
  JSON.stringify({
    fetched: answers.filter((answer) => answer === 'hello').length,
    echoed,
    got: got.filter((answer) => answer === 'hello').length,
    sockets: sockets.size,
    timeout,
  }),
);
