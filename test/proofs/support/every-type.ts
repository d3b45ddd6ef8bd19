/** A table with a column of every type that PostgreSQL has without extensions, and values at the edges of each. */
import type { Client } from 'pg'
import { quoteIdentifier } from '../../../src/model/sql.ts'

export const TYPES_SCHEMA = 'Every type'
export const TYPES_TABLE = 'one "of" each'

/** `"Every type"."one ""of"" each"`. */
export const typesTable = `${quoteIdentifier(TYPES_SCHEMA)}.${quoteIdentifier(TYPES_TABLE)}`

/** Texts that break careless quoting, escaping and encoding. */
const TEXTS = [
  `''`,
  `' '`,
  `'\\N'`,
  `'NULL'`,
  `E'\\t\\n\\r\\\\\\b\\f\\v'`,
  `E'\\x01\\x1f\\x7f'`,
  `'"''{},()[]\\;$$'`,
  `'ünï ✓ 👩‍👩‍👧 \u202e é'`,
  `'\\.'`,
  // Large enough to be stored out of line, compressed and not.
  `repeat('long ', 200000)`,
  `(SELECT string_agg(md5(n::text), '' ORDER BY n) FROM generate_series(1, 4000) AS n)`,
]

/** Type and values as SQL; NULL comes by itself. */
const COLUMNS: readonly (readonly [type: string, values: readonly string[]])[] = [
  ['boolean', ['true', 'false']],
  ['smallint', ['-32768', '32767', '0']],
  ['integer', ['-2147483648', '2147483647', '0']],
  ['bigint', ['-9223372036854775808', '9223372036854775807', '9007199254740993']],
  [
    'numeric',
    [
      `'NaN'`,
      `'Infinity'`,
      `'-Infinity'`,
      '1.50',
      '1.500',
      '0.000',
      `'-0.00'`,
      '1e300',
      '1e-300',
      `repeat('9', 900)::numeric + 0.123`,
    ],
  ],
  ['numeric(20,4)', ['1.5000', '-9999999999999999.9999', '0']],
  ['numeric(3,-2)', ['12300', '0']],
  ['real', [`'NaN'`, `'-Infinity'`, `'-0'`, '1e-45', '3.4028235e38', '0.1', '16777217']],
  [
    'double precision',
    [`'NaN'`, `'Infinity'`, `'-0'`, '5e-324', '1.7976931348623157e308', '0.1', '0.30000000000000004'],
  ],
  ['money', [`'-92233720368547758.08'`, `'12.34'`, `'0'`]],
  ['text', TEXTS],
  ['text COLLATE "C"', [`'Zebra'`, `'ä'`]],
  ['character varying', TEXTS],
  ['character varying(5)', [`'äöüßé'`, `''`, `'a    '`]],
  ['character(5)', [`'a'`, `''`, `'abcde'`]],
  ['"char"', [`'x'`, `''`, `'\\200'`, `' '`]],
  ['name', [`'a name'`, `''`, `repeat('n', 63)`]],
  [
    'bytea',
    [
      `''`,
      `'\\x00ff5c27'`,
      `(SELECT string_agg(set_byte('\\x00', 0, n), '' ORDER BY n) FROM generate_series(0, 255) AS n)`,
      `decode(repeat('c0ffee00', 300000), 'hex')`,
    ],
  ],
  ['date', [`'0044-03-15 BC'`, `'infinity'`, `'-infinity'`, `'5874897-12-31'`, `'4713-01-01 BC'`, `'2024-02-29'`]],
  ['time', [`'00:00'`, `'24:00'`, `'23:59:59.999999'`]],
  ['time(3)', [`'23:59:59.999'`]],
  ['time with time zone', [`'00:00+15:59'`, `'24:00-15:59'`, `'12:00:00.000001+05:45'`]],
  ['timestamp', [`'infinity'`, `'4713-01-01 00:00 BC'`, `'294276-12-31 23:59:59.999999'`, `'2024-03-10 02:30'`]],
  [
    'timestamp with time zone',
    [
      `'infinity'`,
      `'-infinity'`,
      `'2024-03-10 02:30:00.000001-05'`,
      `'0001-01-01 00:00:00+00 BC'`,
      `'1883-11-18 12:03:57-04:56:02'`,
    ],
  ],
  [
    'interval',
    [`'infinity'`, `'-178000000 years'`, `'1 year -13 months 1 day -25:00:00.000001'`, `'0'`, `'-00:00:00.000001'`],
  ],
  ['interval day to second(3)', [`'3 04:05:06.789'`]],
  ['uuid', [`'00000000-0000-0000-0000-000000000000'`, `'ffffffff-ffff-ffff-ffff-ffffffffffff'`]],
  ['json', [`'{"b" :  1,"a":[ 1.0 , null ],  "b":2}'`, `' "\\u0000" '`, `'1e400'`, `'null'`]],
  [
    'jsonb',
    [
      `'{"b": 1, "a": [1.0, 1.00, 1e400, null], "": "\\u00fc\\ud83d\\udc69"}'`,
      `'null'`,
      `'""'`,
      `'[]'`,
      `jsonb_build_object('k', repeat('v', 300000))`,
    ],
  ],
  ['jsonpath', [`'$."a b"[*] ? (@.x > 1 && @.y like_regex "^a" flag "i")'`]],
  ['xml', [`'<a b="c">&amp;<![CDATA[ x ]]></a>'`, `'text <x/> more'`]],
  ['inet', [`'10.1.2.3/8'`, `'::1'`, `'fe80::1/64'`, `'0.0.0.0/0'`]],
  ['cidr', [`'10.0.0.0/8'`, `'2001:db8::/32'`]],
  ['macaddr', [`'08:00:2b:01:02:03'`]],
  ['macaddr8', [`'08:00:2b:01:02:03:04:05'`]],
  ['bit(3)', [`B'101'`, `B'000'`]],
  ['bit varying', [`B''`, `B'1010101010101'`]],
  ['tsvector', [`'''it''''s'':1A,3B fat:2 "q":4D'::tsvector`, `''::tsvector`]],
  ['tsquery', [`'fat:A & !(rat <2> cat:*)'`]],
  ['point', [`'(1.5,-0)'`, `'(NaN,Infinity)'`]],
  ['line', [`'{1,-1,0.1}'`]],
  ['lseg', [`'[(0,0),(1,1e-300)]'`]],
  ['box', [`'(1,1),(0,0)'`]],
  ['path', [`'[(0,0),(1,1),(2,0)]'`, `'((0,0),(1,1))'`]],
  ['polygon', [`'((0,0),(1,1),(2,0))'`]],
  ['circle', [`'<(0,0),1e300>'`]],
  ['int4range', [`'[1,5)'`, `'empty'`, `'(,)'`]],
  ['int8range', [`'[-9223372036854775808,)'`]],
  ['numrange', [`'(1.50,2.500]'`, `'[NaN,)'`]],
  ['daterange', [`'[2024-01-01,infinity)'`]],
  ['tsrange', [`'["2024-01-01 00:00:00.000001",)'`]],
  ['tstzrange', [`'(-infinity,"0044-03-15 00:00:00+00 BC"]'`]],
  ['int4multirange', [`'{[1,3),[5,9)}'`, `'{}'`]],
  ['int8multirange', [`'{(,1),[9223372036854775806,)}'`]],
  ['nummultirange', [`'{[1.0,1.00],(2,3.000)}'`]],
  ['datemultirange', [`'{[2024-01-01,2024-02-01)}'`]],
  ['tsmultirange', [`'{[2024-01-01,2024-02-01)}'`]],
  ['tstzmultirange', [`'{[2024-01-01 00:00:00+00,infinity]}'`]],
  ['oid', ['4294967295', '0']],
  ['xid', [`'4294967295'`]],
  ['xid8', [`'18446744073709551615'`]],
  ['cid', [`'4294967295'`]],
  ['tid', [`'(4294967295,65535)'`]],
  ['pg_lsn', [`'FFFFFFFF/FFFFFFFF'`, `'0/0'`]],
  ['pg_snapshot', [`'10:20:10,14,15'`]],
  ['txid_snapshot', [`'10:20:10,14,15'`]],
  ['int2vector', [`'1 -2 3'`, `''`]],
  ['oidvector', [`'1 2 4294967295'`]],
  ['refcursor', [`'a "cursor"'`]],
  ['aclitem', [`(SELECT format('%I=arwd*/%I', current_user, current_user)::aclitem)`]],
  ['regproc', [`'pg_catalog.version'`]],
  ['regprocedure', [`'pg_catalog.length(text)'`]],
  ['regoper', [`'pg_catalog.||/'`]],
  ['regoperator', [`'pg_catalog.+(integer,integer)'`]],
  ['regclass', [`'pg_catalog.pg_class'`, `'steward.journal'`, `'-'`]],
  ['regcollation', [`'"C"'`]],
  ['regtype', [`'timestamp with time zone'`]],
  ['regrole', [`(SELECT quote_ident(current_user)::regrole)`]],
  ['regnamespace', [`'pg_catalog'`]],
  ['regconfig', [`'english'`]],
  ['regdictionary', [`'simple'`]],
  // Arrays: NULLs, quotes, other lower bounds, more dimensions.
  ['integer[]', [`'{}'`, `'{1,NULL,3}'`, `'[0:2]={1,2,3}'`, `'{{1,2},{3,NULL}}'`]],
  ['text[]', [`ARRAY['', 'NULL', NULL, '{}', '"', E'\\\\', ' a,b ', E'\\n']`, `'[-1:0][2:3]={{a,b},{c,d}}'`]],
  ['bytea[]', [`ARRAY['\\x00'::bytea, '', NULL]`]],
  ['numeric[]', [`'{1.50,NaN,NULL,1.5}'`]],
  ['timestamptz[]', [`'{infinity,NULL,"2024-01-01 00:00:00.000001+00"}'`]],
  ['jsonb[]', [`ARRAY['{"a": "}\\""}'::jsonb, NULL, 'null']`]],
  ['json[]', [`ARRAY['{ "a" :1 }'::json, NULL]`]],
  ['interval[]', [`'{1 mon,-1 day,NULL}'`]],
  ['inet[]', [`'{10.0.0.1/8,NULL}'`]],
  ['box[]', [`'{(1,1),(0,0);(2,2),(0,0)}'`]],
  ['int4range[]', [`ARRAY['[1,2)'::int4range, NULL, 'empty']`]],
  ['"char"[]', [`ARRAY['a'::"char", '', NULL]`]],
  ['name[]', [`ARRAY['a b'::name, NULL]`]],
  ['bit(3)[]', [`ARRAY[B'101', NULL]`]],
  ['xml[]', [`ARRAY['<a/>'::xml, NULL]`]],
  // Types of one's own, in the table's schema.
  ['{s}."Mood"', [`'sad, very'`, `'o''k'`, `'"quoted"'`, `'ü'`]],
  ['{s}."Mood"[]', [`ARRAY['sad, very'::{s}."Mood", NULL, 'ü']`]],
  ['{s}.positive', ['1', '2147483647']],
  ['{s}.positive[]', [`ARRAY[1::{s}.positive, NULL]`]],
  ['{s}.tags', [`'{a,NULL}'`]],
  [
    '{s}.address',
    [
      `ROW('a "street", (x)', NULL, '{1,NULL}', ROW(1, ''))`,
      `ROW(NULL, NULL, NULL, NULL)`,
      `ROW('', '', '{}', NULL)`,
    ],
  ],
  ['{s}.address[]', [`ARRAY[ROW('x', 'y', '{}', ROW(NULL, '"'))::{s}.address, NULL]`]],
  ['{s}.located', [`ROW('s', 'c', '{2}', NULL)`]],
  ['{s}.span', [`{s}.span('(', ')', '[]')`, `{s}.span(NULL, NULL)`, `'empty'`]],
  ['{s}.span_multirange', [`{s}.span_multirange({s}.span('a', 'b'), {s}.span('c, "', 'd'))`]],
  ['{s}.span[]', [`ARRAY[{s}.span('a', 'b'), NULL]`]],
]

/** Names of the columns, in their order, those that the database fills left out. */
const columnName = (index: number) => `c${index} ${COLUMNS[index]?.[0].slice(0, 20)}`

/** Types that no column may have, or that hold nothing a user could write. */
const UNWRITABLE = /^(pg_node_tree|pg_ndistinct|pg_dependencies|pg_mcv_list|pg_brin_.*|gtsvector|pg_ddl_command)$/

/** Makes the table and its rows, all of them old. */
export async function placeEveryType(client: Client): Promise<void> {
  const schema = quoteIdentifier(TYPES_SCHEMA)
  const own = (text: string) => text.replaceAll('{s}', schema)
  const rows = Math.max(...COLUMNS.map(([, values]) => values.length)) + 1
  await client.query(`
    CREATE SCHEMA ${schema};
    CREATE TYPE ${schema}."Mood" AS ENUM ('sad, very', 'o''k', '"quoted"', 'ü');
    CREATE DOMAIN ${schema}.positive AS integer CHECK (VALUE > 0);
    CREATE DOMAIN ${schema}.tags AS text[] DEFAULT '{}';
    CREATE TYPE ${schema}.inner_part AS (n integer, note text);
    CREATE TYPE ${schema}.address AS (street text, city varchar(20), numbers integer[], part ${schema}.inner_part);
    CREATE DOMAIN ${schema}.located AS ${schema}.address CHECK ((VALUE).city <> '');
    CREATE TYPE ${schema}.span AS RANGE (subtype = text, collation = "C", multirange_type_name = ${schema}.span_multirange);
    CREATE TABLE ${typesTable} (
      "gone before" integer,
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      aged timestamptz NOT NULL DEFAULT '2020-01-01',
      ${COLUMNS.map(([type], index) => `${quoteIdentifier(columnName(index))} ${own(type)}`).join(',\n      ')},
      "by default" integer GENERATED BY DEFAULT AS IDENTITY,
      "stored one" text GENERATED ALWAYS AS (id::text || ' "stored"') STORED,
      "virtual one" bigint GENERATED ALWAYS AS (id * 2) VIRTUAL,
      "gone behind" integer
    );
    ALTER TABLE ${typesTable} DROP COLUMN "gone before", DROP COLUMN "gone behind";`)
  for (let row = 0; row < rows; row++) {
    const values = COLUMNS.map(([type, list], index) => {
      const value = list[(row + index) % (list.length + 1)]
      return value === undefined ? 'NULL' : `(${own(value)})::${own(type).replace(/ COLLATE.*/, '')}`
    })
    await client.query(
      `INSERT INTO ${typesTable} (${COLUMNS.map((_, index) => quoteIdentifier(columnName(index))).join(', ')})
       VALUES (${values.join(', ')})`,
    )
  }
}

/** Built-in types that no column of the table has. */
export async function missingTypes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT t.typname AS name
     FROM pg_type AS t
     WHERE t.typnamespace = 'pg_catalog'::regnamespace
       AND t.typtype IN ('b', 'r', 'm', 'e', 'd')
       AND t.typelem = CASE WHEN t.typcategory = 'A' THEN -1 ELSE t.typelem END
       AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = $1::regclass AND a.atttypid = t.oid)
     ORDER BY 1`,
    [typesTable],
  )
  return rows.map(({ name }) => name).filter((name) => !UNWRITABLE.test(name))
}

/**
 * Every value of every row, as text and in the binary form of the protocol: `id column` → a digest of both. The space
 * that a value takes on disk is no part of it: what TOAST compresses depends on the rest of the row.
 */
export async function imageOf(client: Client): Promise<ReadonlyMap<string, string>> {
  const { rows: columns } = await client.query<{ name: string; binary: boolean }>(
    `SELECT a.attname AS name, t.typsend <> 0 AS binary
     FROM pg_attribute AS a
     JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attnum`,
    [typesTable],
  )
  const digests = columns.map(({ name, binary }) => {
    const column = `t.${quoteIdentifier(name)}`
    const sent = binary ? `COALESCE(encode(sha256(record_send(ROW(${column}))), 'hex'), '')` : `''`
    return `COALESCE(md5(${column}::text), 'NULL') || ' ' || ${sent}`
  })
  const { rows } = await client.query<string[]>({
    text: `SELECT id::text, ${digests.join(', ')} FROM ${typesTable} AS t`,
    rowMode: 'array',
  })
  return new Map(
    rows.flatMap(([id, ...values]) =>
      columns.map(({ name }, index): [string, string] => [`${id} ${name}`, values[index] ?? '']),
    ),
  )
}

/** The values that are not as they were. */
export function changedValues(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): string[] {
  const names = new Set([...found.keys(), ...expected.keys()])
  return [...names].filter((name) => found.get(name) !== expected.get(name))
}
