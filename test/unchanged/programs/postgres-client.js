// postgres.js against a real server: `node postgres-client.js PORT`.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';

const [port] = process.argv.slice(2);
const settings = {
  host: '127.0.0.1',
  port: Number(port),
  user: 'postgres',
  database: 'postgres',
  onnotice: () => undefined,
};
const sql = postgres({ ...settings, max: 4 });
await sql`CREATE TABLE IF NOT EXISTS postgres_items (id int, text text)`;
await sql`TRUNCATE postgres_items`;
const lines = Readable.from(Array.from({ length: 20_000 }, (_, id) => `${id}\titem ${id}\n`));
await pipeline(lines, await sql`COPY postgres_items FROM STDIN`.writable());
const answers = await Promise.all(Array.from({ length: 2000 }, (_, n) => sql`SELECT ${n}::int AS n`));
const ordered = answers.every(([row], n) => row.n === n);
let cursorRows = 0;
await sql`SELECT * FROM postgres_items`.cursor(1000, (rows) => {
  cursorRows += rows.length;
});
let rolledBack = '';
await sql
  .begin(async (transaction) => {
    await transaction`DELETE FROM postgres_items`;
    throw new Error('rolled back');
  })
  .catch(({ message }) => {
    rolledBack = message;
  });
const secure = postgres({ ...settings, ssl: { rejectUnauthorized: false }, max: 1 });
const [{ ssl }] = await secure`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
const [{ count }] = await secure`SELECT count(*)::int AS count FROM postgres_items`;
// Last, as postgres.js leaves queries waiting that are made after it.
const hash = createHash('sha256');
for await (const chunk of await sql`COPY (SELECT * FROM postgres_items ORDER BY id) TO STDOUT`.readable()) {
  hash.update(chunk);
}
await Promise.all([sql.end({ timeout: 1 }), secure.end()]);
console.log(
  JSON.stringify({ sha256: hash.digest('hex'), queries: answers.length, ordered, cursorRows, rolledBack, ssl, count }),
);
