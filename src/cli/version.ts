/** The package's version; the build writes it in, the sources read package.json. */
import metadata from '../../package.json' with { type: 'json' }

export const version: string = metadata.version
