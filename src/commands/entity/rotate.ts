import type { KeyCount, Keys, RotateResult } from '../../crud/rotate.ts'
import { ExitCode, UsageError } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { RotateOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineDestroyCommand } from '../command.ts'
import { requiredText } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'

interface Planned {
  readonly keys: Keys
  readonly counts: readonly KeyCount[]
}

const KEYS: readonly Column[] = [
  { key: 'key', kind: 'text', summary: 'first 8 hexadecimal digits of its SHA-256' },
  { key: 'rows', kind: 'bigint', unit: 'count' },
  { key: 'outcome', kind: 'text' },
]

const OUTCOMES: Readonly<Record<KeyCount['holder'], string>> = {
  present: 'sealed again under the new key',
  new: 'under the new key already',
  unknown: 'cannot be opened: this is neither key',
  none: 'cannot be opened: no sealed text',
}

const DONE: readonly Column[] = [
  { key: 'rotated', kind: 'integer', unit: 'count' },
  { key: 'failed', kind: 'integer', unit: 'count' },
  { key: 'key', kind: 'text' },
]

const FAILURES: readonly Column[] = [
  { key: 'id', kind: 'text' },
  { key: 'reason', kind: 'text' },
]

/** `integration credentials rotate`: seals every value again under a new key. */
export function rotateCommand(system: System, entity: Entity, operation: RotateOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const what = entity.fields[operation.field]?.sealed?.input ?? operation.field
  return defineDestroyCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Opens the ${what} of every ${spoken(entity.name)} with the configured key and seals them under the new one, in ` +
      `batches. A run that was stopped or killed is simply repeated: what is under the new key is left alone. What ` +
      `cannot be opened stays as it is and is named (exit code 7). Afterwards, configure the new key.`,
    examples: [
      { command: `${words} --new-key-file new.key --dry-run`, does: 'How many are under which key' },
      { command: `${words} --new-key-file new.key`, does: operation.summary },
    ],
    flags: { newKeyFile: requiredText('<path>', 'file with the new key: 32 bytes as base64 or hex') },
    async plan(context, input): Promise<Planned> {
      const { countKeys } = await import('../../crud/rotate.ts')
      const keys = await readKeys(context, input.newKeyFile)
      const scope = await entityScope(context, system, entity)
      return { keys, counts: await countKeys(await context.db(), scope, operation, keys) }
    },
    planView: ({ counts }) => ({
      shape: 'table',
      columns: KEYS,
      rows: counts.map(({ key, rows, holder }) => ({ key, rows, outcome: OUTCOMES[holder] })),
      empty: `There are no ${what}`,
    }),
    nothing: ({ keys, counts }) =>
      counts.every(({ holder }) => holder === 'new')
        ? `Nothing to do: all ${what} are under key ${keys.next.id}, or there are none.`
        : undefined,
    action: ({ keys, counts }) => `Seal ${rowsUnder(counts, 'present')} ${what} again under key ${keys.next.id}`,
    async apply(context, _input, { keys, counts }): Promise<RotateResult & Pick<Planned, 'keys'>> {
      const { rotateKey } = await import('../../crud/rotate.ts')
      const { journalRun } = await import('../../db/journal.ts')
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const result = await journalRun(db, context, async () => {
        const value = await rotateKey(db, scope, operation, keys, {
          actor: actorOf(context),
          signal: context.signal,
          total: Number(rowsUnder(counts, 'present')),
          onProgress: context.ui.progress,
        })
        const done = { rotated: value.rotated, failed: value.failures.length }
        return { value, counts: done, exitCode: exitCodeOf(value) }
      })
      sayWhatNext(context, result, keys, rowsUnder(counts, 'new'))
      return { ...result, keys }
    },
    view: ({ rotated, failures, keys }) => ({
      shape: 'sections',
      sections: [
        {
          kind: 'record',
          key: 'summary',
          title: 'Sealed again',
          columns: DONE,
          row: { rotated, failed: failures.length, key: keys.next.id },
        },
        {
          kind: 'table',
          key: 'failures',
          title: 'Cannot be opened',
          columns: FAILURES,
          rows: failures.map(({ id, reason }) => ({ id, reason: `it ${reason}` })),
          empty: 'None',
        },
      ],
    }),
    exitCode: exitCodeOf,
  })
}

/** With a wrong key configured nothing is sealed again, and naming the new key would lose what the right one opens. */
function sayWhatNext({ ui }: Context, { rotated, failures, stopped }: RotateResult, { next }: Keys, before: bigint) {
  if (stopped) return ui.warn('Stopped: repeat the command to go on')
  if (failures.length > 0 && rotated === 0 && before === 0n) {
    return ui.warn(`Nothing is under key ${next.id}: leave the configuration as it is`)
  }
  if (failures.length > 0) {
    const some = `${failures.length.toLocaleString('en')} ${failures.length === 1 ? 'is' : 'are'}`
    ui.warn(`${some} not under key ${next.id}: keep the keys that open such values`)
  }
  ui.note(`Now let the configuration name the new key, ${next.id}.`)
}

async function readKeys(context: Context, file: string): Promise<Keys> {
  const { resolve } = await import('node:path')
  const { credentialsKey, readKeyFile } = await import('../../config/credentials.ts')
  const present = await credentialsKey(await context.config())
  const next = await readKeyFile(resolve(context.cwd, file))
  for (const { warning } of [present, next]) if (warning !== undefined) context.ui.warn(warning)
  if (present.key.id === next.key.id) {
    throw new UsageError({
      code: 'same-key',
      message: `${file} holds the configured key, ${present.key.id} (${present.origin})`,
      hint: 'Name a file with another key; openssl rand -base64 32 makes one',
    })
  }
  return { present: present.key, next: next.key }
}

function rowsUnder(counts: readonly KeyCount[], holder: KeyCount['holder']): bigint {
  return counts.filter((one) => one.holder === holder).reduce((sum, { rows }) => sum + rows, 0n)
}

function exitCodeOf({ failures, stopped }: RotateResult): ExitCode {
  if (stopped) return stopped.exitCode
  return failures.length > 0 ? ExitCode.partial : ExitCode.ok
}
