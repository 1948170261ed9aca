/** Listens on a free port and prints it, for whoever has started the program. */
export function listening(server) {
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    console.log(`listening on ${server.address().port}`);
  });
}
