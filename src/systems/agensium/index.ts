/** Agensium: data tools paid by credits (systems/agensium.md; decisions 37 to 45). */
import { type System, system } from '../../model/system.ts'
import { agentCost } from './entities/agent-cost.ts'
import { stripeEvent } from './entities/stripe-event.ts'
import { task } from './entities/task.ts'
import { transaction } from './entities/transaction.ts'
import { user } from './entities/user.ts'
import { wallet } from './entities/wallet.ts'
import { reports } from './reports/index.ts'
import { retention } from './retention.ts'

export const agensium: System = system({
  name: 'agensium',
  title: 'Agensium',
  summary: 'Data tools: users, tasks with staged uploads, credit wallets and their ledger, Stripe events',
  // Parents before children: the order of help, of the overview and of loading seeds.
  entities: [user, agentCost, wallet, task, transaction, stripeEvent],
  reports,
  retention,
  overview: { entity: 'task' },
  support: {
    sequences: [],
    functions: ['set_updated_at()', 'next_ulid()', 'refuse_ledger_change()'],
  },
})
