/**
 * Full-text search over an entity's stored `tsvector` (model, `FullText`; decision 61), ranked, best first. The
 * condition `column @@ query` is what its GIN index serves (PostgreSQL manual, 12.2).
 */
import type { Queryable } from '../db/database.ts'
import { StewardError, UsageError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity, FullText } from '../model/entity.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { conditionsFrom } from './filter-sql.ts'
import type { Filter } from './filters.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'

/** Words that a match is shown within, and how the matching ones stand out. */
const HEADLINE = 'MaxFragments=2, MaxWords=14, MinWords=5, FragmentDelimiter=" … ", StartSel="[", StopSel="]"'

/** Columns of a search besides the row's own; a field of the same name keeps it. */
export function searchColumns({ fields }: Entity): { readonly rank: string; readonly headline: string } {
  const free = (name: string) => (Object.hasOwn(fields, name) ? `search_${name}` : name)
  return { rank: free('rank'), headline: free('headline') }
}

export interface SearchOptions {
  /** What to look for, in the operators of `to_tsquery`, or as one types into a search engine. */
  readonly query: string
  readonly filters: readonly Filter[]
  readonly fields: readonly string[]
  readonly limit: number
  /** Also where in the row the words are; it costs reading the texts. */
  readonly headline: boolean
}

export interface Matches {
  readonly rows: readonly Cells[]
  /** Whether there are more than the limit. */
  readonly more: boolean
}

/**
 * The rows that match, best first; of equal ones the order of the primary key decides.
 *
 * @throws UsageError (exit 2) for a query with wrong operators, or without a word that the index knows
 */
export async function searchRows(db: Queryable, scope: Scope, options: SearchOptions): Promise<Matches> {
  const { entity } = scope
  const fullText = fullTextOf(entity)
  if (options.query.includes('\0')) throw noWords()
  const query = querySql(fullText, options.query)
  await checkQuery(db, query)
  const key = identifier(entity.primaryKey)
  const { rank, headline } = searchColumns(entity)
  const texts = options.headline ? textFields(entity) : []
  const read = [...new Set([...options.fields, entity.primaryKey, ...texts])]
  const shown = [...options.fields, rank].map((name) => identifier(name))
  if (texts.length > 0) {
    const document = sql`concat_ws(' … ', ${join(texts.map((name) => identifier(name)))})`
    shown.push(
      sql`ts_headline(${fullText.configuration}::regconfig, ${document}, ${query}, ${HEADLINE}) AS ${identifier(headline)}`,
    )
  }
  // A headline reads the whole text, so only the rows of the answer get one.
  const rows = await db.rows<Cells>(sql`
    SELECT ${join(shown)}
    FROM (
      SELECT ${selectList(read)},
             ts_rank(${identifier(fullText.column)}, ${query})::double precision AS ${identifier(rank)}
      FROM ${tableOf(scope)}
      WHERE ${identifier(fullText.column)} @@ ${query}
        AND ${allOf(conditionsFrom(scope, options.filters))}
      ORDER BY ${identifier(rank)} DESC, ${key}
      LIMIT ${options.limit + 1}::bigint
    ) AS found
    ORDER BY ${identifier(rank)} DESC, ${key}`)
  return { rows: rows.slice(0, options.limit), more: rows.length > options.limit }
}

/** True when the query is written with the operators of `to_tsquery`: `&`, `|`, `!word`, `<->`, `word:*`. */
export function hasOperators(query: string): boolean {
  return /[&|]|(^|[\s(])!|<(-|\d+)>|:\*/.test(query)
}

function querySql({ configuration }: FullText, query: string): Sql {
  const parse = raw(hasOperators(query) ? 'to_tsquery' : 'websearch_to_tsquery')
  return sql`${parse}(${configuration}::regconfig, ${query}::text)`
}

async function checkQuery(db: Queryable, query: Sql): Promise<void> {
  let words: number
  try {
    words = (await db.one<{ words: number }>(sql`SELECT numnode(${query}) AS words`)).words
  } catch (error) {
    // to_tsquery reports its own syntax with the state of SQL's.
    if (!(error instanceof StewardError) || error.details.sqlstate !== '42601') throw error
    throw new UsageError({
      code: 'invalid-query',
      message: 'The query cannot be read: its operators do not fit together',
      hint: "Operators are & (and), | (or), ! (not), <-> (followed by): 'authentication & !draft'; without them, just words",
    })
  }
  if (words === 0) throw noWords()
}

function noWords(): UsageError {
  return new UsageError({
    code: 'empty-query',
    message: 'The query holds no word to look for: words such as "the" and "of" are in every text and in no index',
    hint: 'Name what the text is about',
  })
}

/** What a headline is taken from: the texts that `--search` looks into, or every text that is not secret. */
function textFields(entity: Entity): string[] {
  if (entity.list.search.length > 0) return entity.list.search.filter((key) => !fieldOf(entity, key).secret)
  return Object.keys(entity.fields).filter((key) => {
    const { kind, secret, reference } = fieldOf(entity, key)
    return kind === 'text' && !secret && !reference && key !== entity.primaryKey
  })
}

/** @throws RangeError (a bug) for an entity without full-text search */
function fullTextOf({ name, fullText }: Entity): FullText {
  if (!fullText) throw new RangeError(`${name} declares no fullText`)
  return fullText
}
