/**
 * A Parquet file written as its rows come. Rows gather until a row group is full, which is encoded and handed on, so
 * memory holds one group whatever the table's size.
 */
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type { Field } from './copy-text.ts'
import type { ParquetColumn, ParquetValue } from './parquet-column.ts'

/** A row group ends at whichever comes first. Encoding one keeps the process busy for about a third of a second. */
const GROUP_ROWS = 50_000
const GROUP_CHARACTERS = 16 * 1024 * 1024

export class ParquetFile {
  readonly #columns: readonly ParquetColumn[]
  readonly #bytes = new ByteWriter(1024 * 1024)
  readonly #writer: ParquetWriter
  #values: (ParquetValue | null)[][]
  #rows = 0
  #characters = 0

  /** @param createdBy `steward version 0.1.0`, as Parquet's readers expect it */
  constructor(columns: readonly ParquetColumn[], createdBy: string) {
    this.#columns = columns
    this.#values = columns.map(() => [])
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: schemaOf(columns.map(({ element }) => (isJson(element) ? asText(element) : element))),
      createdBy,
    })
  }

  /** @returns bytes that are ready to be written, when the row filled a group */
  add(fields: readonly Field[]): Uint8Array | undefined {
    for (const [index, column] of this.#columns.entries()) {
      const field = fields[index] ?? null
      this.#values[index]?.push(field === null ? null : column.convert(field))
      this.#characters += field?.length ?? 0
    }
    this.#rows += 1
    if (this.#rows < GROUP_ROWS && this.#characters < GROUP_CHARACTERS) return undefined
    this.#endGroup()
    return this.#take()
  }

  /** The rest of the file. */
  finish(): Uint8Array {
    if (this.#rows > 0) this.#endGroup()
    // The footer says that JSON is JSON; while values were written, the writer had to take it for the text it is.
    this.#writer.schema = schemaOf(this.#columns.map(({ element }) => element))
    this.#writer.finish()
    return this.#take()
  }

  #endGroup(): void {
    this.#writer.write({
      columnData: this.#columns.map(({ element }, index) => ({
        name: element.name,
        data: this.#values[index] ?? [],
        // A dictionary would take -0 for 0.
        ...(isFloat(element) ? { encoding: 'PLAIN' as const } : {}),
        // NaN has no place in least and greatest values; DuckDB, to which it is the greatest number, would pass over a
        // group that holds one.
        ...(isFloat(element) || isJson(element) ? { statistics: false } : {}),
      })),
      rowGroupSize: this.#rows,
    })
    this.#values = this.#columns.map(() => [])
    this.#rows = 0
    this.#characters = 0
  }

  #take(): Uint8Array {
    const taken = this.#bytes.getBytes().slice()
    // `offset` goes on, since it counts the file; `index` is where the buffer is filled up to.
    this.#bytes.index = 0
    return taken
  }
}

function schemaOf(columns: readonly SchemaElement[]): SchemaElement[] {
  return [{ name: 'root', num_children: columns.length }, ...columns]
}

function isFloat({ type }: SchemaElement): boolean {
  return type === 'FLOAT' || type === 'DOUBLE'
}

function isJson({ converted_type }: SchemaElement): boolean {
  return converted_type === 'JSON'
}

function asText({ name, repetition_type, type }: SchemaElement): SchemaElement {
  return {
    name,
    converted_type: 'UTF8',
    ...(repetition_type === undefined ? {} : { repetition_type }),
    ...(type === undefined ? {} : { type }),
  }
}
