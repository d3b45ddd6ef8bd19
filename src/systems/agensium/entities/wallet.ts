/**
 * Wallets (decision 41): one for each user, made with it. The balance is the sum of the user's transactions; nothing
 * but the operations changes it, each with its entry.
 */
import { entity } from '../../../model/entity.ts'
import { bigint, createdAt, reference, updatedAt } from '../../../model/field.ts'
import { ledgerOperations } from '../operations/ledger.ts'

export const wallet = entity({
  name: 'wallet',
  aliases: ['credit-wallet'],
  table: 'credit_wallets',
  summary: 'Credits of a user: the balance of the transactions',
  primaryKey: 'user_id',
  fields: {
    user_id: reference('user', 'id', {
      summary: 'user whose credits they are',
      kind: 'integer',
      onDelete: 'cascade',
      settable: 'create',
    }),
    balance_credits: bigint({ summary: 'credits left', default: '0', settable: 'never', unit: 'count' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    {
      name: 'chk_credit_wallets_balance_credits',
      expression: '(balance_credits >= 0)',
      says: 'must not fall below zero',
      fields: ['balance_credits'],
    },
  ],
  indexes: [{ name: 'idx_credit_wallets_created_at', on: ['created_at'] }],
  triggers: ['credit_wallets_set_updated_at'],
  // Users that came by other means than `user create` have none yet.
  createdAs: 'open',
  verbs: ['list', 'get', 'create', 'count', 'export'],
  operations: ledgerOperations,
  ledger: {
    balance: 'balance_credits',
    entries: 'transaction',
    via: 'user_id',
    equals: 'user_id',
    amount: 'delta_credits',
    type: 'type',
  },
  list: {
    columns: ['user_id', 'balance_credits', 'updated_at'],
    sort: '-created_at',
    time: 'created_at',
  },
})
