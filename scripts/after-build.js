// Marks the command line entry executable after a build; npm does this only for published packages.
import { chmodSync } from 'node:fs';

chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755);
