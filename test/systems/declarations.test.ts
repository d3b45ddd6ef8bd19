/** The declarations of every system, read without a database: what they name exists, and what they say agrees. */
import { describe, expect, it } from 'vitest'
import { endFieldOf, endFields, statesOf, transitionsFrom } from '../../src/model/lifecycle.ts'
import { relationsOf } from '../../src/model/system.ts'
import { systems } from '../../src/systems/registry.ts'
import { entityFaults, lifecycleFaults, operationFaults, reportFaults, retentionFaults } from './support/faults.ts'

const loaded = await Promise.all(systems.map(({ load }) => load()))

/** Verbs that the commands of an entity have of themselves. */
const OWN = ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export']

it.each(systems)('$name says of itself what its declaration says', async (entry) => {
  const { name, title, summary } = await entry.load()
  expect({ name, title, summary }).toEqual({ name: entry.name, title: entry.title, summary: entry.summary })
})

describe.each(loaded)('$name', (system) => {
  it('has entities that no two names mean', () => {
    const names = system.entities.flatMap(({ name, plural, aliases }) => [...new Set([name, plural]), ...aliases])
    expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([])
    const tables = system.entities.map(({ table }) => table)
    expect(new Set(tables).size).toBe(tables.length)
  })

  it('shows the states of an entity that has some in the overview', () => {
    // It counts the rows of a period by state, and needs both.
    const shown = system.entities.find(({ name }) => name === system.overview.entity)
    expect(Object.keys(shown?.lifecycle?.states ?? {}).length).toBeGreaterThan(1)
    expect(shown?.fields[shown.list.time ?? '']?.kind).toBe('timestamp')
  })

  it('has retention rules and reports that name what exists, each once', () => {
    expect(retentionFaults(system)).toEqual([])
    expect(reportFaults(system)).toEqual([])
    for (const names of [system.retention.map(({ name }) => name), system.reports.map(({ name }) => name)]) {
      expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([])
    }
  })

  describe.each(system.entities)('$name', (entity) => {
    it('names only what exists', () => {
      const operations = entity.operations.flatMap((operation) => operationFaults(system, entity, operation))
      expect([...entityFaults(system, entity), ...lifecycleFaults(system, entity), ...operations]).toEqual([])
    })

    it('has verbs of distinct names', () => {
      const { createdAs, fullText, graph } = entity
      const verbs = [
        ...OWN.filter((verb) => entity.verbs.some((each) => each === verb)),
        ...(entity.lifecycle?.transitions ?? []).filter(({ internal }) => !internal).map(({ verb }) => verb),
        ...entity.operations.map(({ name }) => name),
        ...(createdAs === undefined ? [] : [createdAs]),
        ...(fullText === undefined ? [] : ['search']),
        ...(graph === undefined ? [] : ['add', 'remove', 'graph']),
      ]
      expect(verbs.filter((verb, place) => verbs.indexOf(verb) !== place)).toEqual([])
    })

    it('refers to keys, by the type that they have', () => {
      for (const [key, { kind, sqlType, reference }] of Object.entries(entity.fields)) {
        const parent = reference && system.entities.find(({ name }) => name === reference.entity)
        if (parent === undefined) continue
        expect(reference?.field, key).toBe(parent.primaryKey)
        const { kind: keyKind, sqlType: keyType } = parent.fields[parent.primaryKey] ?? {}
        expect([kind, sqlType], key).toEqual([keyKind, keyType])
      }
    })

    it('searches and tags what can be searched and tagged, and lists no secret', () => {
      const { search, tags, columns } = entity.list
      for (const key of search) expect(['text', 'enumeration'], key).toContain(entity.fields[key]?.kind)
      if (tags !== undefined) expect(['textArray', 'json']).toContain(entity.fields[tags]?.kind)
      expect(columns.filter((key) => entity.fields[key]?.secret)).toEqual([])
      if (entity.handle !== undefined) {
        expect(entity.uniques.map(({ fields }) => fields)).toContainEqual([entity.handle])
      }
    })

    it('takes fields only from a parent that is read before them', () => {
      const keys = Object.keys(entity.fields)
      for (const { via, matches = {}, fills } of entity.creation) {
        for (const key of fills ? Object.keys(matches) : []) {
          expect(keys.indexOf(key), `${key} after ${via}`).toBeGreaterThan(keys.indexOf(via))
        }
      }
    })

    it('has relations of distinct names', () => {
      const names = relationsOf(system, entity).map(({ name }) => name)
      expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([])
    })

    const { lifecycle } = entity
    if (lifecycle === undefined) return

    it('has the states of its field, with a meaning at a glance, and begins with its default', () => {
      const { field, states, initial } = lifecycle
      const declared = entity.fields[field]
      expect(Object.keys(states).sort()).toEqual([...(declared?.values ?? [])].sort())
      // PostgreSQL prints the type of a varchar's default without its length.
      expect(declared?.default).toBe(`'${initial}'::${declared?.sqlType.replace(/\(\d+\)$/, '')}`)
      const tones = declared?.tones ?? {}
      expect(Object.keys(states).filter((state) => tones[state] === undefined)).toEqual([])
    })

    it('stamps the end of every terminal state, and whatever leads out of one empties it', () => {
      for (const key of [...endFields(lifecycle), ...Object.values(lifecycle.stamps)]) {
        expect(entity.fields, key).toHaveProperty(key ?? '')
      }
      for (const state of statesOf(lifecycle, 'terminal')) {
        const ended = endFieldOf(lifecycle, state)
        // A lifecycle may have no times at all (a workflow that is archived); with some, no end goes without.
        expect(ended === undefined, state).toBe(endFields(lifecycle).length === 0)
        for (const { verb, to, clears = [] } of transitionsFrom(lifecycle, state)) {
          if (ended !== undefined && lifecycle.states[to] !== 'terminal')
            expect(clears, `${verb} from ${state}`).toContain(ended)
        }
      }
    })

    it('reaches every state', () => {
      const { states, initial, kept = [], transitions } = lifecycle
      // Rows that only the platform writes have states and no transitions.
      if (transitions.length === 0) return
      const reached = new Set([
        initial,
        ...kept,
        ...transitions.flatMap(({ to, instead }) => [to, ...(instead ? [instead.to] : [])]),
      ])
      expect(Object.keys(states).filter((state) => !reached.has(state))).toEqual([])
    })
  })
})
