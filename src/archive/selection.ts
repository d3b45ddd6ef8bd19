/** What an archive run is about: the rows that are due, what goes along with them, and what becomes of it. */
import { ageFields, ageSql, dueSql, entityOfRule, heldTableOf, type RuleScope } from '../model/due.ts'
import type { Entity } from '../model/entity.ts'
import { linkOf } from '../model/field.ts'
import type { HeldTable } from '../model/holds.ts'
import type { Sql } from '../model/sql.ts'
import { entityNamed, type System } from '../model/system.ts'

/** A reference of rows that stay, which does not keep the row it leads to. */
export interface Detaching {
  readonly schema: string
  readonly table: string
  /** Columns of the foreign key, in its order. */
  readonly columns: readonly string[]
}

/** A table whose rows stand for files (decision 20). */
export interface FileTable {
  readonly system: string
  readonly entity: string
  readonly table: string
  /** Columns: the primary key, the file's address, its size in bytes. */
  readonly key: string
  readonly uri: string
  readonly bytes: string
}

/** Roots and their closure, for one engine that moves and one that removes. */
export interface Selection {
  /** Unquoted. */
  readonly schema: string
  readonly table: string
  /** Name that batches and cursors are recorded under: the rule's, or the one given on the command line. */
  readonly rule: string
  /** Condition that a root is due now. @param alias of the table in the statement */
  readonly due: (alias: string) => Sql
  /**
   * As `due`, also of roots that somebody holds, and how holds name them; absent where nothing can be held.
   */
  readonly held?: { readonly table: HeldTable; readonly dueOrHeld: (alias: string) => Sql }
  /**
   * As `due`, also of roots that are kept because what they belong to is still active; absent where the rule asks for
   * nothing of the kind.
   */
  readonly dueOrActive?: (alias: string) => Sql
  /** The instant that a root's age counts from; NULL for rows that are never due. */
  readonly age: (alias: string) => Sql
  /** Columns that the age is made of, in their order. */
  readonly ageColumns: readonly string[]
  /** Columns that must have one of some values: an index that serves may begin with them. */
  readonly valueColumns?: readonly string[]
  /** `cascade`: foreign keys with ON DELETE CASCADE lead to what goes along; `all`: every key but SET NULL and SET DEFAULT. */
  readonly follow: 'cascade' | 'all'
  readonly detaches: readonly Detaching[]
  /** `archive`: rows move to the archive tables. `nothing`: they are deleted. */
  readonly keeps: 'archive' | 'nothing'
  /** Settings of every transaction that moves rows: what the database's own triggers ask for. */
  readonly settings: Readonly<Record<string, string>>
  /** Tables of the schema whose rows stand for files; tombstones are recorded where rows are deleted. */
  readonly files: readonly FileTable[]
}

/**
 * The selection of a rule whose action is `archive`, `delete` or `purge`.
 *
 * @throws RangeError for a declaration at fault
 */
export function selectionOfRule(scope: RuleScope): Selection {
  const { system, schema, applied } = scope
  const { rule } = applied
  const active = rule.unlessActive ?? []
  const { unlessActive: _, ...regardless } = rule
  const indifferent: RuleScope = { ...scope, applied: { ...applied, rule: regardless } }
  return {
    schema,
    table: entityOfRule(system, rule).table,
    rule: rule.name,
    due: (alias) => dueSql(scope, alias),
    ...(scope.withoutHolds
      ? {}
      : {
          held: {
            table: heldTableOf(scope),
            dueOrHeld: (alias: string) => dueSql({ ...scope, withoutHolds: true }, alias),
          },
        }),
    ...(active.length === 0 ? {} : { dueOrActive: (alias: string) => dueSql(indifferent, alias) }),
    age: (alias) => ageSql(rule, alias),
    ageColumns: ageFields(rule),
    valueColumns: Object.keys(rule.only ?? {}),
    follow: 'cascade',
    detaches: (rule.detaches ?? []).map((reference) => detachingOf(system, schema, rule.name, reference)),
    keeps: rule.action === 'archive' ? 'archive' : 'nothing',
    settings: system.movesWith ?? {},
    files: filesOf(system),
  }
}

/** Tables of a system whose rows stand for files. */
export function filesOf(system: System): FileTable[] {
  return system.entities.flatMap(({ file, name, table, primaryKey }: Entity) =>
    file ? [{ system: system.name, entity: name, table, key: primaryKey, uri: file.uri, bytes: file.bytes }] : [],
  )
}

/** `pull-request.task_id` as the columns of a key. */
function detachingOf(system: System, schema: string, rule: string, reference: string): Detaching {
  const [entityName = '', field = ''] = reference.split('.')
  const entity = entityNamed(system, entityName)
  const declared = entity && Object.hasOwn(entity.fields, field) ? entity.fields[field] : undefined
  if (entity === undefined || declared === undefined || linkOf(declared) === undefined) {
    throw new RangeError(`rule ${system.name}/${rule} detaches ${reference}, which is no reference`)
  }
  return { schema, table: entity.table, columns: [field] }
}
