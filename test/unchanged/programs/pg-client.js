// node-postgres against a real server: `node pg-client.js PORT`. The server's certificate is its own.
import { once } from 'node:events';
import pg from 'pg';

const [port] = process.argv.slice(2);
const settings = { host: '127.0.0.1', port: Number(port), user: 'postgres', database: 'postgres' };
const pool = new pg.Pool({ ...settings, max: 5 });
await pool.query('CREATE TABLE IF NOT EXISTS pg_items (id int, text text)');
await pool.query('TRUNCATE pg_items');
const inserts = Array.from({ length: 500 }, (_, id) => {
  return pool.query('INSERT INTO pg_items VALUES ($1, $2)', [id, `item ${id}`]);
});
await Promise.all(inserts);
const { rows } = await pool.query('SELECT count(*)::int AS count, sum(id)::int AS sum FROM pg_items');
const large = await pool.query("SELECT repeat('x', 100) AS text, n FROM generate_series(1, 50000) AS n");
const bytea = await pool.query('SELECT $1::bytea AS data', [Buffer.alloc(3_000_000, 5)]);

const listener = new pg.Client({ ...settings, ssl: { rejectUnauthorized: false } });
await listener.connect();
const encrypted = listener.connection.stream.encrypted === true;
await listener.query('LISTEN news');
const heard = once(listener, 'notification');
await pool.query("NOTIFY news, 'hello'");
const [{ payload }] = await heard;
const overTls = await listener.query("SELECT md5(repeat('y', 2000000)) AS md5, repeat('y', 2000000) AS text");
let code = '';
await pool.query('SELECT wrong').catch((error) => {
  code = error.code;
});
// A connection that the server ends is an error of that client, and the pool makes another.
const victim = await pool.connect();
const lost = once(victim, 'error');
const { processID } = victim;
await pool.query('SELECT pg_terminate_backend($1)', [processID]);
const [{ message }] = await lost;
victim.release(true);
const { rows: after } = await pool.query('SELECT 1 AS one');
await Promise.all([pool.end(), listener.end()]);
console.log(
  JSON.stringify({
    ...rows[0],
    large: large.rows.length,
    bytea: bytea.rows[0].data.length,
    encrypted,
    payload,
    text: overTls.rows[0].text.length,
    code,
    message,
    after: after[0].one,
  }),
);
