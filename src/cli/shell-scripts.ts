// The completion scripts of four shells around one table: path of words -> what can follow. Pure.

type WordTable = ReadonlyMap<string, readonly string[]>;

const cases = (table: WordTable, line: (path: string, words: string) => string): string =>
  [...table].map(([path, words]) => line(path, words.join(' '))).join('\n');

// The path is the words before the cursor that name a command together: flags and their values do
// not. Where nothing fits, the shell offers file names.
export const bashScript = (program: string, table: WordTable): string => `\
# bash completion for ${program}
_${program}_words() {
  case "$1" in
${cases(table, (path, words) => `    '${path}') echo '${words}' ;;`)}
  esac
}
_${program}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path='' longer i
  for ((i = 1; i < COMP_CWORD; i++)); do
    longer="\${path:+$path }\${COMP_WORDS[i]}"
    [[ -n "$(_${program}_words "$longer")" ]] && path="$longer"
  done
  COMPREPLY=($(compgen -W "$(_${program}_words "$path")" -- "$cur"))
}
complete -o default -F _${program} ${program}
`;

export const zshScript = (program: string, table: WordTable): string => `\
#compdef ${program}
_${program}_words() {
  case "$1" in
${cases(table, (path, words) => `    '${path}') echo '${words}' ;;`)}
  esac
}
_${program}() {
  local path_words='' word longer
  for word in "\${(@)words[2,CURRENT-1]}"; do
    longer="\${path_words:+$path_words }$word"
    [[ -n "$(_${program}_words "$longer")" ]] && path_words="$longer"
  done
  local -a found
  found=(\${(s: :)"$(_${program}_words "$path_words")"})
  if (( \${#found} )); then
    compadd -- $found
  fi
  _files
}
compdef _${program} ${program}
`;

const fishCase = (path: string, words: string): string =>
  `        case '${path}'\n            echo '${words}' | string split ' '`;

export const fishScript = (program: string, table: WordTable): string => `\
# fish completion for ${program}
function __${program}_words --argument-names path
    switch "$path"
${cases(table, fishCase)}
    end
end
function __${program}_complete
    set -l path ''
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$path $word")
        set -l found (__${program}_words "$longer")
        test (count $found) -gt 0; and set path "$longer"
    end
    __${program}_words "$path"
end
complete -c ${program} -a '(__${program}_complete)'
`;

export const powershellScript = (program: string, table: WordTable): string => `\
# PowerShell completion for ${program}
Register-ArgumentCompleter -Native -CommandName '${program}' -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $table = @{
${cases(table, (path, words) => `    '${path}' = '${words}'`)}
  }
  $path = @()
  foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
    $word = $element.ToString()
    if ($element.Extent.EndOffset -ge $cursorPosition) { break }
    if ($table.ContainsKey((($path + $word) -join ' '))) { $path += $word }
  }
  $words = $table[($path -join ' ')]
  if ($words) {
    $words -split ' ' | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
      [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
  }
}
`;
