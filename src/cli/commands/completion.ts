// `colonies completion`: scripts that complete commands and flags, written from the declarations.

import { GLOBAL_FLAGS } from '../args.ts';
import { type Command, command } from '../command.ts';
import { PROGRAM } from '../help.ts';
import { bashScript, fishScript, powershellScript, zshScript } from '../shell-scripts.ts';

/** What can follow each path of words; '' is the program alone. */
export const wordTable = (commands: readonly Command[]): ReadonlyMap<string, readonly string[]> => {
  const table = new Map([['', new Set(['help'])]]);
  const under = (path: readonly string[]): Set<string> => {
    const key = path.join(' ');
    const words = table.get(key) ?? new Set<string>();
    table.set(key, words);
    return words;
  };
  for (const cmd of commands) {
    for (const [i, word] of cmd.path.entries()) {
      under(cmd.path.slice(0, i)).add(word);
      under(['help', ...cmd.path.slice(0, i)]).add(word);
    }
    for (const name of Object.keys({ ...cmd.flags, ...GLOBAL_FLAGS })) {
      under(cmd.path).add(`--${name}`);
    }
  }
  return new Map([...table].map(([path, words]) => [path, [...words].sort()]));
};

const shell = (
  name: string,
  title: string,
  examples: readonly string[],
  script: (program: string, table: ReadonlyMap<string, readonly string[]>) => string,
): Command =>
  command({
    path: ['completion', name],
    summary: `Print the completion script for ${title}`,
    examples,
    flags: {},
    run: async (ctx) => {
      const text = script(PROGRAM, wordTable(await ctx.allCommands()));
      if (ctx.globals.json) ctx.json({ shell: name, script: text });
      else ctx.out(text);
      return undefined;
    },
  });

export const commands: readonly Command[] = [
  shell('bash', 'bash', ['source <(colonies completion bash)'], bashScript),
  shell('zsh', 'zsh', ['source <(colonies completion zsh)'], zshScript),
  shell('fish', 'fish', ['colonies completion fish | source'], fishScript),
  shell(
    'powershell',
    'PowerShell',
    ['colonies completion powershell | Out-String | Invoke-Expression'],
    powershellScript,
  ),
];
