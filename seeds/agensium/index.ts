/**
 * Seed data for Agensium. Users, prices and welcome credits come first; then blocks of tasks, each with what was booked
 * around them; and last the wallets, whose balances are known by then.
 */
import type { SeedDefinition, SeedPart, SeedPlan } from '../../src/seeds/definition.ts'
import { eventRows } from './events.ts'
import { transactionRows, Walk, welcomeRows } from './ledger.ts'
import * as table from './tables.ts'
import { taskRows } from './tasks.ts'
import { AGENTS } from './words/agents.ts'
import { agentRows, makeWorld, OLDEST, userCount, type World } from './world.ts'

/** Tasks a block: some 8,000 rows. */
const BLOCK = 2000

/** Rows for each task, measured over a hundred thousand of them. */
const PER_TASK: Readonly<Record<string, number>> = {
  tasks: 1,
  credit_transactions: 3.3,
  stripe_webhook_events: 0.13,
}

export const agensiumSeeds: SeedDefinition = {
  system: 'agensium',
  unit: 'tasks',
  scales: { demo: 300, small: 5_000, medium: 50_000, large: 1_000_000 },
  maxSize: 2_000_000,
  // Prices are a day older than the oldest user.
  historyDays: OLDEST + 2,
  tables: table.tables,
  // Entries of the ledger are not removed by accident (migrations/agensium/initial/functions.ts).
  settings: { 'agensium.ledger_removals': 'on' },

  expectedRows(size) {
    const users = userCount(size)
    const fixed: Readonly<Record<string, number>> = {
      users,
      credit_wallets: users,
      agent_costs: AGENTS.length,
      credit_transactions: Math.round(users * 0.93),
    }
    return new Map(
      table.tables.map(({ table: name }) => [name, (fixed[name] ?? 0) + Math.round(size * (PER_TASK[name] ?? 0))]),
    )
  },

  plan(parameters): SeedPlan {
    const world = makeWorld(parameters)
    const walk = new Walk(world)
    const blocks = Math.ceil(parameters.size / BLOCK)
    return {
      parts: blocks + 2,
      part: (index) => {
        if (index === 0) return worldPart(world)
        if (index > blocks) return { loads: [{ table: table.wallets, rows: () => walk.wallets() }] }
        return blockPart(world, walk, index - 1)
      },
      // Where the files of a task are follows from its row (decision 45); the demo has none.
      files: () => [],
    }
  },
}

function worldPart(world: World): SeedPart {
  return {
    loads: [
      { table: table.users, rows: () => world.users.map(({ row }) => row) },
      { table: table.agentCosts, rows: () => agentRows(world.parameters) },
      { table: table.transactions, rows: () => welcomeRows(world) },
    ],
  }
}

function blockPart(world: World, walk: Walk, block: number): SeedPart {
  const booked = walk.block(block * BLOCK, Math.min(world.parameters.size, (block + 1) * BLOCK))
  return {
    loads: [
      {
        table: table.tasks,
        rows: () =>
          taskRows(
            world,
            booked.map(({ task }) => task),
          ),
      },
      { table: table.transactions, rows: () => transactionRows(world, booked) },
      { table: table.events, rows: () => eventRows(world, booked) },
    ],
  }
}
