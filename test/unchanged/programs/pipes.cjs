// Everything of a program that are sockets or pipes without being TCP: standard streams, children, a Unix-domain socket.
const { spawn } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const net = require('node:net');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const folder = mkdtempSync(join(tmpdir(), 'pipes-'));
const path = join(folder, 'socket');

async function main() {
  const child = spawn('cat');
  child.stdin.end('through a child');
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
  }
  const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise((resolve) => server.listen(path, resolve));
  const client = net.connect({ path, allowHalfOpen: true });
  client.end('x'.repeat(1_000_000));
  let bytes = 0;
  for await (const chunk of client) {
    bytes += chunk.length;
  }
  await new Promise((resolve) => server.close(resolve));
  let input = '';
  for await (const chunk of process.stdin) {
    input += chunk;
  }
  rmSync(folder, { recursive: true });
  console.log(JSON.stringify({ output, bytes, input, isSocket: client instanceof net.Socket }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
