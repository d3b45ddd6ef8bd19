import { defineCommand } from '../command.ts'

export const show = defineCommand({
  name: 'show',
  summary: 'Print every setting with its value and where it came from',
  description: 'Passwords are shown as ***. Connects to nothing.',
  examples: [
    { command: 'config show', does: 'What holds here, and why' },
    { command: 'config show --profile prod --json', does: 'The profile prod as data' },
  ],
  effect: 'read',
  async run(context) {
    const [config, { describeConfig, unknownVariables }] = await Promise.all([
      context.config(),
      import('../../config/describe.ts'),
    ])
    for (const line of [...config.warnings, ...unknownVariables(context.env)]) context.ui.warn(line)
    if (config.files.length > 0) context.ui.note(`Read ${config.files.join(', ')}`)
    else context.ui.note('No configuration file; steward config init writes one')
    return describeConfig(config)
  },
  view: (settings) => ({
    shape: 'table',
    columns: [
      { key: 'setting', kind: 'text' },
      { key: 'value', kind: 'text' },
      { key: 'origin', label: 'from', kind: 'text' },
    ],
    rows: settings,
  }),
})
