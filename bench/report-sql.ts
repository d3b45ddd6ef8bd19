/** The statements of a report with their values written in, for psql to run the very same. */
import { identifier, quoteLiteral, type Sql } from '../src/model/sql.ts'
import { systems } from '../src/systems/registry.ts'

/**
 * @param argument value of the report's first parameter
 * @param days length of the window that ends now
 */
export async function reportStatements(
  systemName: string,
  reportName: string,
  argument: string,
  days: number,
): Promise<string[]> {
  const system = await systems.find((entry) => entry.name === systemName)?.load()
  const report = system?.reports.find((candidate) => candidate.name === reportName)
  if (!report) throw new Error(`no report ${systemName} ${reportName}`)
  const until = new Date()
  const since = new Date(until.getTime() - days * 86_400_000)
  const [parameter = ''] = Object.keys(report.parameters)
  return report.sections.map((section) =>
    written(
      section.sql({
        parameters: { [parameter]: argument },
        window: { since: since.toISOString(), until: until.toISOString() },
        table: (name) => identifier(systemName, name),
      }),
    ),
  )
}

function written(statement: Sql): string {
  return statement.strings.reduce((text, part, index) => {
    const value = statement.values[index - 1]
    return `${text}${typeof value === 'number' ? value : quoteLiteral(String(value))}${part}`
  })
}
