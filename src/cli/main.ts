#!/usr/bin/env node
// The entry of the command line: ties one run to this process and sets its exit code.

import { processEdge } from './edge.ts';
import { runCli } from './run.ts';

process.exitCode = await runCli(process.argv.slice(2), processEdge());
