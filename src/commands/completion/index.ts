/** Shell completion: the scripts ask Steward itself for candidates, so they never go stale. */
import type { Group } from '../command.ts'
import { shellCommand } from './shell.ts'

export const completionGroup: Group = {
  name: 'completion',
  summary: 'Print the completion script of a shell',
  description: 'Prints a script for the shell to load. Candidates come from Steward itself and need no database.',
  commands: [
    shellCommand('bash', 'source <(steward completion bash)'),
    shellCommand('zsh', 'steward completion zsh > "${fpath[1]}/_steward"'),
    shellCommand('fish', 'steward completion fish > ~/.config/fish/completions/steward.fish'),
  ],
}
