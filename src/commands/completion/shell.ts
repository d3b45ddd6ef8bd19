/** One shell's completion script. Each hands the words typed so far to `steward __complete`. */
import { type Command, defineCommand } from '../command.ts'

const SCRIPTS = {
  bash: `# bash completion for steward
_steward() {
  local candidate
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    [[ $candidate == "\${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$candidate")
  done < <(steward __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _steward steward
`,
  zsh: `#compdef steward
_steward() {
  local -a candidates
  local name summary
  while IFS=$'\\t' read -r name summary; do
    candidates+=("\${name//:/\\\\:}:$summary")
  done < <(steward __complete "\${(@)words[2,$CURRENT]}" 2>/dev/null)
  if (( $#candidates )); then _describe 'steward' candidates; else _files; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _steward "$@"; else compdef _steward steward; fi
`,
  fish: `# fish completion for steward
function __steward_candidates
  set -l words (commandline -opc) (commandline -ct)
  steward __complete $words[2..-1] 2>/dev/null
end
complete -c steward -f -a '(__steward_candidates)'
`,
} as const

export function shellCommand(shell: keyof typeof SCRIPTS, install: string): Command {
  return defineCommand({
    name: shell,
    summary: `Print the completion script for ${shell}`,
    description: `Prints the completion script for ${shell}. To load it:\n  ${install}`,
    examples: [{ command: `completion ${shell}`, does: 'Print the script' }],
    effect: 'read',
    run: async () => SCRIPTS[shell],
    view: (text) => ({ shape: 'text', text }),
  })
}
