// Version and build time of the program, as `version`, `server status` and error lines show them.

import { readFileSync } from 'node:fs';

let found: { readonly version: string; readonly buildtime?: string } | undefined;

const read = () => {
  found ??= JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as NonNullable<typeof found>;
  return found;
};

/** The version of the package. */
export const buildVersion = (): string => read().version;

/**
 * The time of the build when the package was stamped with one (`buildtime` in package.json), else
 * ''.
 */
export const buildTime = (): string => read().buildtime ?? '';
