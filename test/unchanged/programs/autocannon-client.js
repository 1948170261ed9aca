// autocannon against an HTTP server: `node autocannon-client.js URL REQUESTS`.
import autocannon from 'autocannon';

const [url, amount] = process.argv.slice(2);
const result = await autocannon({ url, amount: Number(amount), connections: 20, pipelining: 4 });
console.log(
  JSON.stringify({ answered: result['2xx'], others: result.non2xx, errors: result.errors, timeouts: result.timeouts }),
);
