// Runs the program of a role: `node run.js ROLE`, for contenders that the command line names.
await import(`./${process.argv[2]}.js`);
