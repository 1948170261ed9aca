// Makes many requests to soak-server.js, among connections that abort, reset, stall and do not read:
// `node soak-clients.js PORT REQUESTS`. Ends when all its connections are closed.
import { connect } from 'node:net';

const [port, wanted] = process.argv.slice(2).map(Number);
const WORKERS = 64;
const STALLED_MAX = 400;
const PIPELINED = 8;
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n';
const STATUS = 'HTTP/1.1 200 OK';
const BATCH = GET.repeat(PIPELINED);
const LARGE = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n';
const LARGE_BLOCK = Buffer.alloc(1_000_000, 'x');
const UPGRADE = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const MESSAGES = 10;
/** Less than the time after which the server cuts a silent connection. */
const IDLE_MS_MAX = 1000;

const counts = {
  sent: 0,
  answered: 0,
  aborted: 0,
  reset: 0,
  halfClosed: 0,
  upgraded: 0,
  stalled: 0,
  cutByServer: 0,
  failed: 0,
};
let stalled = 0;

/** A connection that is counted, whatever becomes of it. */
function open(options = {}) {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  socket.setEncoding('latin1');
  socket.closed_ = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  return socket;
}

/** Sends requests in batches, and waits for the answers of each. */
async function well() {
  const socket = open();
  const batches = 1 + Math.floor(Math.random() * 12);
  let [answers, rest, batch] = [0, '', 0];
  const next = () => {
    if (batch === batches) {
      socket.end();
      return;
    }
    batch += 1;
    counts.sent += PIPELINED;
    if (Math.random() < 0.01) {
      setTimeout(() => socket.write(BATCH), Math.random() * IDLE_MS_MAX);
    } else {
      socket.write(BATCH);
    }
  };
  socket.on('data', (text) => {
    const all = rest + text;
    let end = 0;
    for (let at = all.indexOf(STATUS); at !== -1; at = all.indexOf(STATUS, end)) {
      end = at + STATUS.length;
      answers += 1;
      counts.answered += 1;
    }
    rest = all.slice(Math.max(end, all.length - STATUS.length + 1));
    if (answers === batch * PIPELINED) {
      next();
    }
  });
  socket.once('connect', next);
  await socket.closed_;
  counts.failed += answers === batches * PIPELINED ? 0 : 1;
}

/** Sends half a body, and is gone. */
async function abort() {
  const socket = open();
  socket.write(POST);
  socket.write('x'.repeat(Math.floor(Math.random() * 90_000)), () => socket.destroy());
  counts.sent += 1;
  counts.aborted += 1;
  await socket.closed_;
}

/** Sends some of a large body, and is gone. */
async function abortLarge() {
  const socket = open();
  socket.write(LARGE);
  let blocks = 1 + Math.floor(Math.random() * 5);
  const next = () => {
    blocks -= 1;
    if (blocks === 0) {
      socket.destroy();
    } else {
      socket.write(LARGE_BLOCK, next);
    }
  };
  next();
  counts.sent += 1;
  counts.aborted += 1;
  await socket.closed_;
}

/** Speaks another protocol after its request, and ends in one of three ways. */
async function upgrade() {
  const socket = open();
  let [text, end] = ['', ''];
  socket.on('data', (data) => {
    text += data;
    if (end === '' && text.endsWith(`message ${MESSAGES}\n`)) {
      end = ['end', 'destroy', 'resetAndDestroy'][Math.floor(Math.random() * 3)];
      socket[end]();
    }
  });
  socket.write(UPGRADE);
  for (let message = 1; message <= MESSAGES; message++) {
    socket.write(`message ${message}\n`);
  }
  counts.sent += 1;
  counts.upgraded += 1;
  await socket.closed_;
  counts[text.startsWith('HTTP/1.1 101 ') && end !== '' ? 'answered' : 'failed'] += 1;
}

/** Sends requests, and resets the connection while their answers are on the way. */
async function reset() {
  const socket = open();
  socket.write(Math.random() < 0.5 ? BATCH : 'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n', () => {
    setTimeout(() => socket.resetAndDestroy(), Math.random() * 3);
  });
  counts.sent += 1;
  counts.reset += 1;
  await socket.closed_;
}

/** Ends its side right after the request, and reads the answer. */
async function halfClose() {
  const socket = open({ allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.once('end', () => socket.destroy());
  socket.end('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  counts.sent += 1;
  await socket.closed_;
  counts.halfClosed += 1;
  counts[text.includes(STATUS) ? 'answered' : 'failed'] += 1;
}

/** Stays in a head, in a body, or with an answer that it does not read, until the server cuts it. */
async function stall() {
  const [inHead, inBody] = [Math.random() < 0.4, Math.random() < 0.6];
  const socket = open();
  stalled += 1;
  counts.stalled += 1;
  counts.sent += 1;
  if (inHead) {
    socket.write('GET / HTTP/1.1\r\nHost: loc');
    socket.resume();
  } else if (inBody) {
    socket.write(`${POST}half of it`);
    socket.resume();
  } else {
    socket.write('GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(10));
    setTimeout(() => socket.resetAndDestroy(), 4000);
  }
  const timer = setTimeout(() => {
    counts.failed += 1;
    socket.destroy();
  }, 30_000);
  await socket.closed_;
  clearTimeout(timer);
  counts.cutByServer += inHead || inBody ? 1 : 0;
  stalled -= 1;
}

const KINDS = [well, well, well, well, abort, reset, reset, halfClose, upgrade];
const stalls = new Set();

async function work() {
  while (counts.answered < wanted) {
    if (stalled < STALLED_MAX && Math.random() < 0.05) {
      const one = stall().finally(() => stalls.delete(one));
      stalls.add(one);
    }
    await (Math.random() < 0.005 ? abortLarge : KINDS[Math.floor(Math.random() * KINDS.length)])();
  }
}

await Promise.all(Array.from({ length: WORKERS }, work));
await Promise.all(stalls);
console.log(JSON.stringify(counts));
