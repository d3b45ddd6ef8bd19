/**
 * A part of a dependency graph as a Mermaid flowchart (mermaid.js.org, "Flowcharts"). Labels are texts that anybody may
 * have written: nothing in them can end the label, start a directive or carry markup.
 */
import type { Walk } from '../../crud/graph-walk.ts'
import type { Cells, Tone } from '../../model/column.ts'
import { visible } from '../../output/escape.ts'
import type { GraphWords } from './graph.ts'

/** Colours by name: a `#` would begin an entity code. */
const CLASSES: Readonly<Record<Tone, string>> = {
  good: 'fill:honeydew,stroke:green,color:black',
  bad: 'fill:mistyrose,stroke:firebrick,color:black',
  active: 'fill:lightyellow,stroke:goldenrod,color:black',
  idle: 'fill:whitesmoke,stroke:gray,color:black',
}

/** The flowchart: a whole arrow from what waits to what it waits for, a dotted one with its kind where nobody waits. */
export function mermaid({ graph, nodes }: GraphWords, walk: Walk): string {
  const names = new Map(walk.nodes.map((node, place) => [String(node[nodes.primaryKey]), `n${place + 1}`]))
  const tones = new Set<Tone>()
  const boxes = walk.nodes.map((node) => {
    const { lines, tone } = labelOf(node, graph.label, nodes)
    if (tone) tones.add(tone)
    const name = names.get(String(node[nodes.primaryKey]))
    return `  ${name}["${lines.map(escaped).join('<br/>')}"]${tone ? `:::${tone}` : ''}`
  })
  const arrows = walk.edges.map((edge) => {
    const kind = String(edge[graph.kind])
    const arrow = graph.blocking.includes(kind) ? '-->' : `-. "${escaped(kind)}" .->`
    return `  ${names.get(String(edge[graph.from]))} ${arrow} ${names.get(String(edge[graph.to]))}`
  })
  const classes = [...tones].map((tone) => `  classDef ${tone} ${CLASSES[tone]}`)
  return ['flowchart LR', ...boxes, ...arrows, ...classes].map((line) => `${line}\n`).join('')
}

function labelOf(node: Cells, label: string, { lifecycle, fields, primaryKey, softDelete }: GraphWords['nodes']) {
  const name = String(node[label] ?? '') || String(node[primaryKey])
  const deleted = softDelete !== undefined && (node[softDelete.field] ?? null) !== null ? ['deleted'] : []
  if (!lifecycle) return { lines: [name, ...deleted], tone: undefined }
  const state = String(node[lifecycle.field])
  return { lines: [name, [state, ...deleted].join(', ')], tone: fields[lifecycle.field]?.tones?.[state] }
}

const LONGEST = 120

/**
 * The text with everything that Mermaid, Markdown or HTML could read as more than text as entity codes: all of ASCII but
 * letters, digits, the space and a few signs. Control characters become visible first.
 */
function escaped(text: string): string {
  const characters = [...visible(text)]
  const short = characters.length > LONGEST ? [...characters.slice(0, LONGEST - 1), '…'] : characters
  return (
    short
      .map((character) => (/^[A-Za-z0-9 ,._/()-]$|^[^\x00-\x7f]$/u.test(character) ? character : code(character)))
      .join('')
      // What would be a list in Markdown.
      .replace(/^(\s*)([-])/, (_, space: string, sign: string) => space + code(sign))
      .replace(/^(\s*\d+)([.)])/, (_, number: string, sign: string) => number + code(sign))
  )
}

function code(character: string): string {
  return `#${character.codePointAt(0)};`
}
