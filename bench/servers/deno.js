/** Servers on Deno's own sockets: `deno run --allow-net bench/servers/deno.js ROLE [PORT]`. */

const [role = 'echo', backend = '0'] = Deno.args;
const MIB = 1024 * 1024;
const HOST = '127.0.0.1';
const BLOCK = Uint8Array.from({ length: 65536 }, (_, index) => index * 7 + (index >> 8));

async function writeAll(connection, bytes) {
  for (let place = 0; place < bytes.length; ) {
    place += await connection.write(bytes.subarray(place));
  }
}

const PROGRAMS = {
  // The program of Deno's documentation.
  echo: (connection) => connection.readable.pipeTo(connection.writable),

  async sink(connection) {
    const buffer = new Uint8Array(65536);
    for (let bytes = 0; ; ) {
      const count = await connection.read(buffer);
      if (count === null) {
        return;
      }
      const missing = MIB - (bytes % MIB);
      bytes += count;
      if (count >= missing) {
        await connection.write(buffer.subarray(missing - 1, missing));
      }
    }
  },

  async source(connection) {
    for (;;) {
      await writeAll(connection, BLOCK);
    }
  },

  async proxy(connection) {
    const other = await Deno.connect({ hostname: HOST, port: Number(backend) });
    other.setNoDelay(true);
    await Promise.all([connection.readable.pipeTo(other.writable), other.readable.pipeTo(connection.writable)]);
  },
};

const listener = Deno.listen({ hostname: HOST, port: 0, tcpBacklog: 4096 });
const inUseFile = Deno.env.get('IN_USE_FILE');
if (inUseFile !== undefined) {
  Deno.addSignalListener('SIGUSR2', () => {
    globalThis.gc();
    const { heapUsed, external } = Deno.memoryUsage();
    Deno.writeTextFileSync(`${inUseFile}.part`, String(heapUsed + external));
    Deno.renameSync(`${inUseFile}.part`, inUseFile);
  });
}
console.log(listener.addr.port);
for await (const connection of listener) {
  connection.setNoDelay(true);
  void serve(connection);
}

/** A client that goes away ends its own connection only. */
async function serve(connection) {
  try {
    await PROGRAMS[role](connection);
  } catch {
    // It was reset, which is no concern of the others.
  }
  try {
    connection.close();
  } catch {
    // Its streams have closed it.
  }
}
