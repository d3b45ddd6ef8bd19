/**
 * Seed data for Agensium. Users, prices and welcome credits come first; then blocks of tasks, each with what was booked
 * around them; and last the wallets, whose balances are known by then.
 */
import { inBlocks, rowsExpected } from '../../src/seeds/blocks.ts'
import { type SeedDefinition, type SeedPart, USUAL_SIZES } from '../../src/seeds/definition.ts'
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
  ...USUAL_SIZES,
  // Prices are a day older than the oldest user.
  historyDays: OLDEST + 2,
  tables: table.tables,
  // Entries of the ledger are not removed by accident (migrations/agensium/initial/functions.ts).
  settings: { 'agensium.ledger_removals': 'on' },

  expectedRows(size) {
    const users = userCount(size)
    const perUser = { users: 1, credit_wallets: 1, credit_transactions: 0.93 }
    return rowsExpected(table.tables, [users, perUser], [AGENTS.length, { agent_costs: 1 }], [size, PER_TASK])
  },

  plan(parameters) {
    const world = makeWorld(parameters)
    const walk = new Walk(world)
    return inBlocks({
      size: parameters.size,
      block: BLOCK,
      first: () => worldPart(world),
      between: (from, to) => blockPart(world, walk.block(from, to)),
      last: () => ({ loads: [{ table: table.wallets, rows: () => walk.wallets() }] }),
      // Where the files of a task are follows from its row (decision 45); the demo has none.
    })
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

function blockPart(world: World, booked: ReturnType<Walk['block']>): SeedPart {
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
