// mysql2 against a real MariaDB: `node mysql2-client.js PORT /a/socket`.
import mysql from 'mysql2/promise';

const [port, socketPath] = process.argv.slice(2);
const settings = { host: '127.0.0.1', port: Number(port), user: 'app', password: 'secret', database: 'test' };
const pool = mysql.createPool({ ...settings, connectionLimit: 5 });
await pool.query('CREATE TABLE IF NOT EXISTS items (id int, text varchar(100))');
await pool.query('TRUNCATE items');
await Promise.all(
  Array.from({ length: 500 }, (_, id) => pool.execute('INSERT INTO items VALUES (?, ?)', [id, `item ${id}`])),
);
const [[counts]] = await pool.query('SELECT count(*) AS count, CAST(sum(id) AS int) AS sum FROM items');
const [large] = await pool.query('SELECT seq, repeat("x", 100) AS text FROM seq_1_to_50000');
const [[long]] = await pool.query('SELECT ? AS text', ['y'.repeat(2_000_000)]);
const local = await mysql.createConnection({ ...settings, socketPath });
const [[{ answer }]] = await local.query('SELECT 42 AS answer');
let code = '';
await pool.query('SELECT wrong').catch((error) => {
  code = error.code;
});
let refused = '';
await mysql.createConnection({ ...settings, password: 'wrong' }).catch((error) => {
  refused = error.code;
});
await Promise.all([pool.end(), local.end()]);
console.log(JSON.stringify({ ...counts, large: large.length, long: long.text.length, answer, code, refused }));
