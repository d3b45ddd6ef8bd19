import { expect, it } from 'vitest'
import type { Context } from '../../src/commands/command.ts'
import { promptForMissing } from '../../src/commands/entity/prompts.ts'
import { inputReader } from '../../src/crud/input.ts'
import { scopeFor } from './write-support.ts'

/** A person who answers in order; a refused answer is followed by the next one. */
function scripted(answers: string[], asked: string[]): Context {
  const ui = {
    interactive: true,
    warn: (line: string) => asked.push(line),
    async input(question: string, options: { validate?: (value: string) => string | true } = {}) {
      asked.push(question)
      for (;;) {
        const answer = answers.shift() ?? ''
        const verdict = options.validate?.(answer) ?? true
        if (verdict === true) return answer
        asked.push(verdict)
      }
    },
    async select(question: string, choices: readonly { value: string }[]) {
      asked.push(`${question}: ${choices.map(({ value }) => value).join(' ')}`)
      return answers.shift() ?? ''
    },
  }
  return { ui } as unknown as Context
}

it('asks for what is required and missing, checks each answer, and offers choices where there are any', async () => {
  const { entity } = scopeFor('step')
  const asked: string[] = []
  const reader = await inputReader(entity, 'create')
  const given = await promptForMissing(scripted(['tsk_1', 'navigation'], asked), entity, reader, {})
  expect(given).toEqual({ task_id: 'tsk_1', step_type: 'navigation' })
  expect(asked).toEqual([
    'task id (task it is part of)',
    'step type (what kind of step it is): action validation extraction navigation',
  ])
})

it('says what is wrong with an answer and takes the next', async () => {
  const { entity } = scopeFor('task')
  const asked: string[] = []
  const reader = await inputReader(entity, 'create')
  const answers = ['example.org', 'https://example.org', '  ', 'Look']
  const given = await promptForMissing(scripted(answers, asked), entity, reader, { organization_id: 'o_1' })
  expect(given).toEqual({ url: 'https://example.org', navigation_goal: 'Look' })
  expect(asked).toContain('It must start with http:// or https://')
  expect(asked).toContain('It must not be blank')
})

it('does not ask for what the parent that was named gives', async () => {
  const { entity } = scopeFor('workflow-run')
  const asked: string[] = []
  const reader = await inputReader(entity, 'create')
  expect(await promptForMissing(scripted(['w_1'], asked), entity, reader, {})).toEqual({ workflow_id: 'w_1' })
  expect(await promptForMissing(scripted([], asked), entity, reader, { workflow_id: 'w_1' })).toEqual({})
})
