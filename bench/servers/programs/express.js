// The first program of express' documentation.
import express from 'express';

const app = express();
app.get('/', (_request, response) => {
  response.send('Hello, world');
});
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
