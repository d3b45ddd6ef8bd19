/** Who wrote the files, in the manifest and in the footer of Parquet files. */
import metadata from '../../../package.json' with { type: 'json' }

export const CREATED_BY = `steward version ${metadata.version}`
