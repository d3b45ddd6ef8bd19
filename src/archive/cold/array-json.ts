/** Arrays as PostgreSQL prints them (manual, 8.15.6) as JSON, with every digit that they had. */

/** Elements that JSON writes without quotes, as long as they are numbers to JSON (NaN and infinity are not). */
const NUMBERS = new Set(['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric'])
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const DOCUMENTS = new Set(['json', 'jsonb'])

/**
 * @param text `{1,NULL,"a b"}`, also with bounds before it; its bytes in Latin-1, and so is what is returned
 * @param base name of the elements' type in `pg_type`
 * @throws RangeError when it is no array
 */
export function arrayToJson(text: string, base: string): string {
  const delimiter = base === 'box' ? ';' : ','
  let at = text.startsWith('[') ? text.indexOf('=') + 1 : 0
  const json = array()
  if (at !== text.length) throw notAnArray()
  return json

  function array(): string {
    if (text[at] !== '{') throw notAnArray()
    at += 1
    const parts: string[] = []
    while (text[at] !== '}') {
      if (parts.length > 0) {
        if (text[at] !== delimiter) throw notAnArray()
        at += 1
      }
      parts.push(text[at] === '{' ? array() : text[at] === '"' ? element(quoted()) : bare())
    }
    at += 1
    return `[${parts.join(',')}]`
  }

  function quoted(): string {
    const pattern = /"((?:[^"\\]|\\[\s\S])*)"/y
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found?.[1] === undefined) throw notAnArray()
    at = pattern.lastIndex
    return found[1].replace(/\\([\s\S])/g, '$1')
  }

  function bare(): string {
    const start = at
    while (at < text.length && text[at] !== delimiter && text[at] !== '}') at += 1
    const value = text.slice(start, at)
    if (value === '' || at === text.length) throw notAnArray()
    return value === 'NULL' ? 'null' : element(value)
  }

  function element(value: string): string {
    if (base === 'bool') return value === 't' ? 'true' : 'false'
    if (DOCUMENTS.has(base)) return value
    return NUMBERS.has(base) && JSON_NUMBER.test(value) ? value : JSON.stringify(value)
  }
}

function notAnArray(): RangeError {
  return new RangeError('an array is not as PostgreSQL prints it')
}
