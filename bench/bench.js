// The benchmark of a node: measures the server in `dist` against the floor of its machine, in one run.
console.error('usage: npm run bench -- [--full | --smoke]');
process.exitCode = 2;
