// docs/configuration.md is written from the schema of the settings: `npx vitest run -u` writes it
// anew.

import { expect, test } from 'vitest';
import { SETTINGS, type Setting } from '../../../src/node/config.ts';

const HEAD = `# Configuration

Every setting of a server (\`colonies server start\`). Flags go before environment variables, these before the file of
\`--config\`, that before defaults. Empty variables count as unset. Where a setting has several variables, the first one that is set
counts. This page is written from the schema in \`src/node/config.ts\`.

The file holds one JSON object; names with dots are objects in it, and unknown names are refused:

\`\`\`json
{ "dataDir": "/var/lib/colonies", "http": { "port": 50080, "tls": false } }
\`\`\`

Lists are arrays in the file, repeated flags on the command line, and separated by commas or spaces in variables. Secrets are never
flags: keys stand in files. \`--insecure\` is \`http.tls\` false, \`--verbose\` (or \`COLONIES_VERBOSE\`) adds debug lines, \`--expose\` and
\`--config\` exist as flags only.
`;

const code = (text: string): string => `\`${text}\``;

const shown = (value: unknown): string =>
  value === '' || (Array.isArray(value) && value.length === 0) ? '' : code(JSON.stringify(value));

const kindOf = ({ kind, values }: Setting): string =>
  values === undefined ? kind : values.map(code).join(', ');

const row = (setting: Setting): string =>
  [
    code(setting.path),
    kindOf(setting),
    shown(setting.default),
    setting.flag === undefined ? '' : code(`--${setting.flag}`),
    setting.env.map(code).join(', '),
    setting.description,
  ].join(' | ');

const sectionOf = ({ path }: Setting): string =>
  path.includes('.') ? (path.split('.')[0] as string) : 'node';

test('docs/configuration.md tells every setting', async () => {
  const sections = [...new Set(SETTINGS.map(sectionOf))].map((section) => {
    const rows = SETTINGS.filter((setting) => sectionOf(setting) === section).map(row);
    return [
      `\n## ${section}\n`,
      '| setting | kind | default | flag | variables | what it does |',
      '|---|---|---|---|---|---|',
      ...rows.map((text) => `| ${text} |`),
      '',
    ].join('\n');
  });
  await expect(HEAD + sections.join('')).toMatchFileSnapshot('../../../docs/configuration.md');
});
