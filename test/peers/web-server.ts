/** The smallest https server with WebSocket on the engine, for a browser: one page, whose script talks over `wss`. */

import { createHash } from 'node:crypto';
import { type Connection, listen, type Server } from 'overlapped';
import { ofServer } from '../support/certificates.js';

/** RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const FINAL_TEXT = 0x81;
const MASK_BYTES = 4;
/** Longer ones would have more bytes of length. */
const TEXT_BYTES_MAX = 125;

export const PAGE = `<!doctype html><title>peer</title><script>
  const socket = new WebSocket('wss://' + location.host + '/socket');
  socket.onopen = () => socket.send('hello');
  socket.onmessage = ({ data }) => socket.send('heard ' + data);
</script>`;

/** The answer to the request for a WebSocket. @param key that the browser has sent */
export function upgradeTo(key: string): string {
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** The text of a short frame of a browser; undefined for a close, or something that the page does not send. */
export function textOf(frame: Buffer): string | undefined {
  if (frame[0] !== FINAL_TEXT) {
    return undefined;
  }
  const mask = frame.subarray(2, 2 + MASK_BYTES);
  return String(
    Buffer.from(frame.subarray(2 + MASK_BYTES).map((byte, index) => byte ^ (mask[index % MASK_BYTES] as number))),
  );
}

export function frameOf(text: string): Buffer {
  return Buffer.concat([Buffer.from([FINAL_TEXT, text.length]), Buffer.from(text)]);
}

interface Visitor {
  received: Buffer;
  upgraded: boolean;
}

/** The texts of a browser, each of them echoed. */
export interface WebServer {
  readonly server: Server<Visitor> & { readonly port: number };
  readonly paths: string[];
  readonly texts: string[];
  readonly protocols: (string | undefined)[];
}

function answerRequest(connection: Connection<Visitor>, head: string, web: WebServer): void {
  const [, path = ''] = /^GET (\S+) HTTP\/1\.1/.exec(head) ?? [];
  web.paths.push(path);
  web.protocols.push(connection.tls?.protocol);
  const [, key] = /^sec-websocket-key: (\S+)/im.exec(head) ?? [];
  if (key !== undefined) {
    connection.context.upgraded = true;
    connection.write(upgradeTo(key));
  } else if (path === '/') {
    const type = 'text/html; charset=utf-8';
    connection.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`);
  } else {
    connection.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  }
}

function answerFrame(connection: Connection<Visitor>, frame: Buffer, web: WebServer): void {
  const text = textOf(frame);
  if (text === undefined) {
    connection.end();
    return;
  }
  web.texts.push(text);
  connection.write(frameOf(text));
}

/** @returns the bytes of the next request or frame; 0 if it is not complete */
function nextBytes({ received, upgraded }: Visitor): number {
  if (!upgraded) {
    return received.indexOf('\r\n\r\n') + 4 < 4 ? 0 : received.indexOf('\r\n\r\n') + 4;
  }
  const byteLength = 2 + MASK_BYTES + Math.min(TEXT_BYTES_MAX, (received[1] ?? 0) & 0x7f);
  return received.length < byteLength ? 0 : byteLength;
}

export async function serveWeb(): Promise<WebServer> {
  const server = await listen<Visitor>({
    host: '127.0.0.1',
    port: 0,
    tls: { ...ofServer, ALPNProtocols: ['http/1.1'] },
    context: () => ({ received: Buffer.alloc(0), upgraded: false }),
    data(connection, chunk) {
      const visitor = connection.context;
      visitor.received = Buffer.concat([visitor.received, chunk]);
      for (let byteLength = nextBytes(visitor); byteLength > 0; byteLength = nextBytes(visitor)) {
        const bytes = visitor.received.subarray(0, byteLength);
        visitor.received = visitor.received.subarray(byteLength);
        if (visitor.upgraded) {
          answerFrame(connection, bytes, web);
        } else {
          answerRequest(connection, String(bytes), web);
        }
      }
    },
  });
  const web: WebServer = { server: server as WebServer['server'], paths: [], texts: [], protocols: [] };
  return web;
}
