/** Graphs at random, as fast-check makes and shrinks them: choices by number, and the graph that they come to. */
import fc from 'fast-check'
import {
  type DeleteAction,
  type Graph,
  type GraphColumn,
  type GraphKey,
  type GraphRow,
  type GraphTable,
  type IdType,
  nameOf,
  OLD,
  type Partitioning,
  YOUNG,
} from './graph-schema.ts'

interface TableChoice {
  readonly name: number
  readonly primaryKey: 'id' | 'pair' | 'reversed' | 'with-unique' | 'identifying' | 'none'
  readonly idType: IdType
  readonly partitioning: Partitioning | undefined
  readonly payload: number
  readonly generated: boolean
  readonly identity: boolean
  readonly gap: boolean
  readonly elsewhere: boolean
}

interface KeyChoice {
  readonly child: number
  readonly parent: number
  readonly target: number
  readonly onDelete: DeleteAction
  readonly deferrable: 'immediate' | 'deferred' | undefined
  readonly required: boolean
  readonly sharesPart: boolean
  readonly matchFull: boolean
  readonly setsOnly: boolean
  readonly detached: boolean
}

interface RowChoice {
  readonly table: number
  readonly age: number
  readonly age2: number
  readonly done: boolean
  readonly part: number
  readonly note: number
  readonly parents: readonly number[]
}

export interface Choices {
  readonly root: number
  readonly follow: 'cascade' | 'all'
  readonly secondAge: boolean
  readonly onlyDone: boolean
  readonly tables: readonly TableChoice[]
  readonly keys: readonly KeyChoice[]
  readonly rows: readonly RowChoice[]
}

/** Names of which each breaks something that quotes carelessly, cuts at 63 bytes, or glues text together. */
const NAMES = [
  'plain',
  'Mixed Case',
  'order',
  'q"uote',
  'dot.ted',
  "apo's",
  'ünï_✓',
  '%s$1\\n',
  'l'.repeat(62),
  'batch',
  'moved',
  'root',
]

/** Payload columns: names that statements of an engine may use themselves. */
const PAYLOADS = ['note', 'Note', 'select', 'tid', 'k', 'key', 'row', 'value', 'a"b', 'digest', 'rows', 'table_name']

const NOTES = [
  null,
  '',
  'text',
  ' spaces ',
  'it\'s \\ "quoted"',
  'tab\there',
  'line\nbreak',
  '{a,b}',
  '(x,)',
  '\\N',
  'ü✓',
]

const weighted = <T>(...pairs: readonly (readonly [number, T])[]): fc.Arbitrary<T> =>
  fc.oneof(...pairs.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })))

const rarely = (percent: number) => weighted([100 - percent, false], [percent, true])

const tableChoice: fc.Arbitrary<TableChoice> = fc.record({
  name: fc.nat(NAMES.length - 1),
  primaryKey: weighted<TableChoice['primaryKey']>(
    [5, 'id'],
    [3, 'pair'],
    [1, 'reversed'],
    [2, 'with-unique'],
    [2, 'identifying'],
    [1, 'none'],
  ),
  idType: weighted<IdType>([4, 'integer'], [2, 'bigint'], [2, 'text'], [1, 'uuid']),
  partitioning: weighted<Partitioning | undefined>(
    [9, undefined],
    [1, 'range'],
    [1, 'list'],
    [1, 'hash'],
    [1, 'deep'],
  ),
  payload: fc.nat(PAYLOADS.length - 1),
  generated: rarely(20),
  identity: rarely(15),
  gap: rarely(20),
  elsewhere: rarely(10),
})

const keyChoice: fc.Arbitrary<KeyChoice> = fc.record({
  child: fc.nat(6),
  parent: fc.nat(6),
  target: fc.nat(2),
  onDelete: weighted<DeleteAction>(
    [9, 'CASCADE'],
    [4, 'NO ACTION'],
    [2, 'RESTRICT'],
    [3, 'SET NULL'],
    [1, 'SET DEFAULT'],
  ),
  deferrable: weighted<KeyChoice['deferrable']>([6, undefined], [1, 'immediate'], [2, 'deferred']),
  required: rarely(25),
  sharesPart: rarely(30),
  matchFull: rarely(10),
  setsOnly: rarely(30),
  detached: rarely(50),
})

const rowChoice = (keys: number): fc.Arbitrary<RowChoice> =>
  fc.record({
    table: fc.nat(20),
    age: fc.nat(99),
    age2: fc.nat(99),
    done: rarely(80),
    part: fc.nat(2),
    note: fc.nat(NOTES.length - 1),
    parents: fc.array(fc.nat(60), { minLength: 0, maxLength: keys }),
  })

export interface Size {
  readonly tables?: number
  readonly keys?: number
  readonly rows?: number
}

/** Choices for a graph of up to so many tables, keys and rows. */
export function graphChoices({ tables = 7, keys = 10, rows = 60 }: Size = {}): fc.Arbitrary<Choices> {
  return fc.record({
    root: fc.nat(6),
    follow: weighted<Choices['follow']>([3, 'cascade'], [1, 'all']),
    secondAge: rarely(30),
    onlyDone: rarely(50),
    tables: fc.array(tableChoice, { minLength: 2, maxLength: tables, size: 'max' }),
    keys: fc.array(keyChoice, { minLength: 1, maxLength: keys, size: 'max' }),
    rows: fc.array(rowChoice(keys), { minLength: 3, maxLength: rows, size: 'max' }),
  })
}

/** The same with a key in every table, so that rows can be told apart by their id. */
export function withKeys(choices: Choices): Choices {
  return {
    ...choices,
    tables: choices.tables.map((table) => (table.primaryKey === 'none' ? { ...table, primaryKey: 'id' } : table)),
  }
}

/** The graph that choices come to: numbers are taken modulo what there is, and what PostgreSQL refuses is left out. */
export function graphOf(choices: Choices, schema: string): Graph {
  const count = choices.tables.length
  const root = choices.root % count
  const links = choices.keys.map((key) => ({ ...key, child: key.child % count, parent: key.parent % count }))
  const carried = carriedTables(root, choices.follow, links)
  const tables = choices.tables.map((choice, index) => ({
    choice,
    index,
    schema: choice.elsewhere && !carried.has(index) ? `${schema} elsewhere` : schema,
    // Long names differ in their last byte only.
    name: `${NAMES[choice.name]?.slice(0, 62)}${index}`,
    kind: kindOf(choice, index === root),
  }))
  const keys: GraphKey[] = []
  const extra = tables.map((): GraphColumn[] => [])
  const identifying = tables.map((): string[] | undefined => undefined)
  for (const [index, link] of links.entries()) {
    const child = tables[link.child]
    const parent = tables[link.parent]
    if (!child || !parent) continue
    const targets = targetsOf(parent.kind)
    const target = targets[link.target % targets.length]
    if (!target) continue
    const shares = link.sharesPart && target.includes('part') && !link.matchFull
    const required = link.required && !shares && link.onDelete !== 'SET NULL' && link.onDelete !== 'SET DEFAULT'
    const columns = target.map((column) => (column === 'part' && shares ? 'part' : `fk${index} ${column}`))
    extra[link.child]?.push(
      ...target.flatMap((column, place): GraphColumn[] => {
        const name = columns[place] ?? ''
        if (name === 'part') return []
        return [{ name, type: typeOf(column, parent.choice.idType), notNull: required }]
      }),
    )
    if (child.kind === 'identifying' && required && identifying[link.child] === undefined) {
      identifying[link.child] = columns
    }
    const own = columns.filter((column) => column !== 'part')
    keys.push({
      name: index % 3 === 0 ? `FK "${index}"` : `fk_${index}`,
      child: link.child,
      columns,
      parent: link.parent,
      parentColumns: target,
      onDelete: link.onDelete,
      ...(link.onDelete === 'SET NULL' && (link.setsOnly || shares) ? { setsOnly: own } : {}),
      ...(link.deferrable === undefined ? {} : { deferrable: link.deferrable }),
      matchFull: link.matchFull,
    })
  }
  const built = tables.map(({ choice, index, schema: at, name, kind }): GraphTable => {
    const partitioned = choice.partitioning !== undefined
    const keyColumns = identifying[index]
    const primaryKey =
      kind === 'none'
        ? []
        : kind === 'reversed'
          ? ['part', 'id']
          : kind === 'pair'
            ? ['id', 'part']
            : keyColumns === undefined
              ? ['id']
              : [...keyColumns, 'id']
    return {
      schema: at,
      name,
      columns: [
        { name: 'id', type: choice.idType, notNull: true },
        { name: 'part', type: 'integer', notNull: true },
        { name: 'code', type: 'text', notNull: false },
        ...(index === root
          ? [
              { name: 'age', type: 'timestamptz' },
              { name: 'age2', type: 'timestamptz' },
              { name: 'state', type: 'text' },
            ]
          : []),
        { name: payloadOf(choice), type: 'text' },
        ...(extra[index] ?? []),
        ...(choice.generated
          ? [{ name: 'len', type: 'integer', generated: 'ALWAYS AS (length("code") + "part") STORED' }]
          : []),
        ...(choice.identity ? [{ name: 'seq', type: 'bigint', generated: 'ALWAYS AS IDENTITY' }] : []),
      ],
      primaryKey,
      uniques: [
        ...(kind === 'with-unique' ? [['code']] : []),
        ...(keyColumns === undefined ? [] : [['id']]),
        ...((kind === 'id' || kind === 'with-unique') && !partitioned ? [['part', 'id']] : []),
      ],
      ...(choice.partitioning === undefined ? {} : { partitioning: choice.partitioning }),
      gap: choice.gap,
    }
  })
  const detached = keys.flatMap((key, index) => {
    const link = links[index]
    const table = built[key.child]
    const may = key.onDelete === 'SET NULL' && link?.detached && (table?.primaryKey.length ?? 0) > 0
    return may && carried.has(key.parent) ? [index] : []
  })
  const head = { schema, tables: built, keys, root, follow: choices.follow, detached }
  return {
    ...head,
    secondAge: choices.secondAge,
    onlyDone: choices.onlyDone,
    rows: rowsOf(choices, built, keys, root),
  }
}

/** A root needs a key; and a key of a partitioned table has the column that partitions are by. */
function kindOf({ primaryKey, partitioning }: TableChoice, isRoot: boolean): TableChoice['primaryKey'] {
  if (primaryKey === 'none' && !isRoot) return 'none'
  if (partitioning !== undefined && primaryKey !== 'reversed') return 'pair'
  return primaryKey === 'none' ? 'id' : primaryKey
}

/** Tables that a closure can reach: they lie in the root's schema. */
function carriedTables(root: number, follow: Graph['follow'], links: readonly KeyChoice[]): Set<number> {
  const carried = new Set([root])
  for (const table of carried) {
    for (const { child, parent, onDelete } of links) {
      const followed = follow === 'cascade' ? onDelete === 'CASCADE' : !onDelete.startsWith('SET')
      if (parent === table && followed) carried.add(child)
    }
  }
  return carried
}

/** Columns that a key may refer to. */
function targetsOf(kind: TableChoice['primaryKey']): string[][] {
  switch (kind) {
    case 'none':
      return []
    case 'reversed':
      return [['part', 'id']]
    case 'pair':
      return [['id', 'part']]
    case 'identifying':
      return [['id']]
    case 'with-unique':
      return [['id'], ['code'], ['part', 'id']]
    case 'id':
      return [['id'], ['part', 'id']]
  }
}

function typeOf(column: string, idType: IdType): string {
  return column === 'part' ? 'integer' : column === 'code' ? 'text' : idType
}

function payloadOf({ payload }: TableChoice): string {
  return `${PAYLOADS[payload]}`
}

/** The text of the n-th id, as PostgreSQL prints it. */
export function idOf(type: IdType, n: number): string {
  switch (type) {
    case 'integer':
      return String(n - 3)
    case 'bigint':
      // Beyond what a JavaScript number holds, and differing in the last digit only.
      return String(9_007_199_254_740_990n + BigInt(n))
    case 'text':
      return [`k${n}`, `K${n}`, `"${n}'\\`, `ü ${n},{}`][n % 4] ?? ''
    case 'uuid':
      return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
  }
}

function ageOf(choice: number): string | null {
  if (choice < 60) return OLD[choice % OLD.length] ?? null
  return choice < 85 ? (YOUNG[choice % YOUNG.length] ?? null) : null
}

function rowsOf(
  choices: Choices,
  tables: readonly GraphTable[],
  keys: readonly GraphKey[],
  root: number,
): GraphRow[] {
  // Many roots, so that there is something to move.
  const homes = choices.rows.map(({ table }) => (table >= 15 ? root : table % tables.length))
  let places = homes.map((_, place) => place)
  // A required key to a table without rows leaves its own table without.
  for (let before = -1; before !== places.length; ) {
    before = places.length
    const filled = new Set(places.map((place) => homes[place]))
    const empty = keys.filter((key) => isRequired(tables, key) && !filled.has(key.parent)).map(({ child }) => child)
    places = places.filter((place) => !empty.includes(homes[place] ?? -1))
  }
  const drafts = places.map((place): { table: number; choice: RowChoice; values: Record<string, string | null> } => {
    const choice = choices.rows[place]
    const table = homes[place] ?? 0
    const declared = tables[table]
    const tableChoice = choices.tables[table]
    if (!choice || !declared || !tableChoice) throw new RangeError('no such choice')
    // Rows of a table without a key may be twins.
    const number = declared.primaryKey.length === 0 ? place % 2 : place
    return {
      table,
      choice,
      values: {
        id: idOf(tableChoice.idType, number),
        part: String(choice.part),
        code: declared.uniques.some(([first]) => first === 'code')
          ? place % 7 === 0
            ? null
            : idOf('text', place)
          : 'code',
        [payloadOf(tableChoice)]: NOTES[choice.note] ?? null,
        ...(table === root
          ? { age: ageOf(choice.age), age2: ageOf(choice.age2), state: choice.done ? 'done' : 'open' }
          : {}),
      },
    }
  })
  for (const { table, choice, values } of drafts) {
    for (const [index, key] of keys.entries()) {
      if (key.child !== table) continue
      const shares = key.columns.includes('part')
      const wish = choice.parents[index]
      const candidates = drafts.filter(
        (draft) =>
          draft.table === key.parent &&
          key.parentColumns.every((column) => draft.values[column] !== null) &&
          (!shares || draft.values.part === values.part),
      )
      const none = (wish === undefined || wish % 5 === 4) && !isRequired(tables, key)
      const parent = none ? undefined : candidates[(wish ?? index) % Math.max(1, candidates.length)]
      for (const [place, column] of key.columns.entries()) {
        if (column === 'part') continue
        values[column] = parent?.values[key.parentColumns[place] ?? ''] ?? null
      }
    }
  }
  // A required key to `code` may have found only rows without one.
  const whole = drafts.every(({ table, values }) =>
    keys.every(
      (key) => key.child !== table || !isRequired(tables, key) || key.columns.every((column) => values[column]),
    ),
  )
  return whole ? drafts.map(({ table, values }) => ({ table, values })) : []
}

function isRequired(tables: readonly GraphTable[], key: GraphKey): boolean {
  return key.columns.some(
    (column) =>
      column !== 'part' && tables[key.child]?.columns.some(({ name, notNull }) => name === column && notNull),
  )
}

/** A line for each table and key, to read a counterexample by. */
export function outlineOf(graph: Graph): string {
  const rows = (index: number) => graph.rows.filter(({ table }) => table === index).length
  return [
    ...graph.tables.map(
      (table, index) => `${index === graph.root ? '*' : ' '} ${nameOf(table)}: ${rows(index)} rows`,
    ),
    ...graph.keys.map((key, index) => {
      const [child, parent] = [graph.tables[key.child], graph.tables[key.parent]]
      const letGo = graph.detached.includes(index) ? ', let go of' : ''
      return `  ${key.name}: ${child?.name} -> ${parent?.name} ON DELETE ${key.onDelete}${letGo}`
    }),
    `  follow ${graph.follow}${graph.secondAge ? ', second age' : ''}${graph.onlyDone ? ', only done' : ''}`,
  ].join('\n')
}
