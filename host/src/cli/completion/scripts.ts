/**
 * Completion scripts. Commands and options stand in the script; for what changes it asks `alknet __complete`, which reads
 * files and dials nobody. `docs/spec/cli.md` 6. Pure.
 *
 * @module
 */

import type { Grammar } from './grammar.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, grammar: Grammar): string {
  if (shell === 'fish') return fish(grammar);
  const load =
    shell === 'bash'
      ? '# source <(alknet completion bash)'
      : '#compdef alknet\n# source <(alknet completion zsh), or keep it as _alknet in a directory of $fpath';
  return `${load}\n${candidates(grammar)}${shell === 'bash' ? bash : zsh}`;
}

/** What bash and zsh share. Prints one candidate a line; none means a file name. */
function candidates({ places, globalOptions, valued, namedBy }: Grammar): string {
  const rows = places.map(
    ({ path, words, options, completes }) =>
      `    '${path}') words='${words.join(' ')}' options='${options.join(' ')}' kind=${completes ?? "''"} ;;`,
  );
  return `_alknet_place() {
  case "$1" in
${rows.join('\n')}
    *) return 1 ;;
  esac
}
_alknet_candidates() {
  local current="$1" previous= path= count=0 word= words= options= kind= skip=
  shift
  _alknet_place ''
  for word in "$@"; do
    previous="$word"
    if [ -n "$skip" ]; then skip=; continue; fi
    case "$word" in
      ${valued.join('|')}) skip=1 ;;
      -*) ;;
      *) if [ "$count" = 0 ] && _alknet_place "$path\${path:+ }$word"; then path="$path\${path:+ }$word"
         else count=$((count + 1)); fi ;;
    esac
  done
  if [ -n "$skip" ]; then
    case "$previous" in
${namedBy.map(({ option, completes }) => `      ${option}) command alknet __complete ${completes} "$@" ;;`).join('\n')}
    esac
    return
  fi
  case "$current" in
    -*) printf '%s\\n' $(printf '%s ' "$options" '${globalOptions.join(' ')}') ; return ;;
  esac
  [ "$count" = 0 ] || return
  [ -z "$words" ] || printf '%s\\n' $(printf '%s' "$words")
  [ -z "$kind" ] || command alknet __complete "$kind" "$@"
}
`;
}

const bash = `_alknet() {
  local IFS=$' \\t\\n' current="\${COMP_WORDS[COMP_CWORD]}" found
  found="$(_alknet_candidates "$current" "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)"
  COMPREPLY=( $(compgen -W "$found" -- "$current") )
}
complete -o default -F _alknet alknet
`;

const zsh = `_alknet() {
  local -a found
  found=("\${(@f)$(_alknet_candidates "$PREFIX" "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} )); then compadd -- $found; else _files; fi
}
if [ "\${funcstack[1]}" = _alknet ]; then _alknet "$@"; else compdef _alknet alknet; fi
`;

function fish({ places, globalOptions, valued, namedBy }: Grammar): string {
  const kinds = new Map(namedBy.map(({ option, completes }) => [option, completes]));
  const ask = (kind: string) => `(command alknet __complete ${kind} (commandline -opc)[2..-1])`;
  function optionLine(option: string, condition: string): string {
    const kind = kinds.get(option);
    const value = kind !== undefined ? ` -x -a '${ask(kind)}'` : valued.includes(option) ? ' -r' : '';
    return `complete -c alknet ${condition}-l ${option.slice(2)}${value}`;
  }
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const lines = places.flatMap(({ path, words, options, completes }) => [
    ...(words.length === 0 ? [] : [`complete -c alknet -n "__alknet_at '${path}'" -a '${words.join(' ')}'`]),
    ...(completes === undefined
      ? []
      : [`complete -c alknet -n "__alknet_at '${path}'" -f -a '${ask(completes)}'`]),
    ...options.map((option) => optionLine(option, `-n "__alknet_in '${path}'" `)),
  ]);
  return `# alknet completion fish | source
function __alknet_path
  set -l known ${paths.join(' ')}
  set -l words (commandline -opc)
  set -l path ''
  set -l count 0
  set -l skip 0
  for word in $words[2..-1]
    if test $skip = 1
      set skip 0
    else if contains -- $word ${valued.join(' ')}
      set skip 1
    else if not string match -q -- '-*' $word
      set -l next (string trim -- "$path $word")
      if test $count = 0; and contains -- $next $known
        set path $next
      else
        set count (math $count + 1)
      end
    end
  end
  echo $count $path
end
function __alknet_at
  set -l here (__alknet_path)
  test "$here" = (string trim -- "0 $argv[1]")
end
function __alknet_in
  set -l here (__alknet_path)
  string match -qr -- "^[0-9]+ $argv[1]\\$" $here
end
${[...lines, ...globalOptions.map((option) => optionLine(option, ''))].join('\n')}
`;
}
