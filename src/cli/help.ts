/** How help looks: examples under the options, global options named once, widths that fit the terminal. */
import type { Command as Commander } from 'commander'
import type { Example } from '../commands/command.ts'

/** Adds examples, and for everything below the root the pointer to the global options. */
export function addHelp(node: Commander, { examples }: { readonly examples: readonly Example[] }): void {
  node.helpOption('-h, --help', 'show this help')
  // The plural of an entity is understood; listing it beside each name would only make the list harder to read.
  node.configureHelp({ subcommandTerm: (command) => command.name() })
  if (examples.length > 0) {
    const lines = examples.map((example) => `  ${example.does}:\n    $ steward ${example.command}`)
    node.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
  }
  if (node.parent) {
    node.addHelpText(
      'after',
      '\nGlobal options (--profile, --url, -o/--output, --json, --fields, --yes, …): steward --help',
    )
  } else {
    node.addHelpText('after', '\nstart with: steward quickstart\nmore about one command: steward <command> --help')
  }
}
