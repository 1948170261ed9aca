/** A program that only computes: a server on the same processor has the other half of it. */

process.stdout.write('computing\n');
for (;;) {
  // Until it is killed.
}
