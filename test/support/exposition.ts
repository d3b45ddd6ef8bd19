/** Reads Prometheus' text format (exposition formats, 0.0.4), strictly: what it does not know is an error. */
export interface Family {
  readonly help: string
  readonly type: string
  readonly samples: { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

/** @throws Error naming the line that is not of the format, a sample without HELP and TYPE, or one that is there twice */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family>()
  const helps = new Map<string, string>()
  const seen = new Set<string>()
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line)
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line)
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (help?.[1] !== undefined) helps.set(help[1], help[2] ?? '')
    else if (type?.[1] !== undefined && type[2] !== undefined) {
      if (families.has(type[1])) throw new Error(`${type[1]} is there twice`)
      families.set(type[1], { help: helps.get(type[1]) ?? '', type: type[2], samples: [] })
    } else if (sample?.[1] !== undefined) {
      const family = families.get(sample[1])
      const value = Number(sample[3])
      if (family === undefined || Number.isNaN(value)) throw new Error(`not of the format: ${line}`)
      if (seen.has(`${sample[1]}{${sample[2]}}`)) throw new Error(`twice: ${line}`)
      seen.add(`${sample[1]}{${sample[2]}}`)
      family.samples.push({ labels: labelsOf(sample[2] ?? ''), value })
    } else throw new Error(`not of the format: ${line}`)
  }
  return families
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/y
  while (label.lastIndex < text.length) {
    const at = label.lastIndex
    const match = label.exec(text)
    if (match?.[1] === undefined || match[2] === undefined) throw new Error(`not a label: ${text.slice(at)}`)
    labels[match[1]] = match[2].replaceAll(/\\(["\\n])/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
  }
  return labels
}
