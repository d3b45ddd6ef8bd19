/**
 * What is booked on a wallet (decision 41). The entry's type gives its sign. What comes from Stripe names the outside
 * event and is booked once, however often the event arrives.
 */
import type { PostOperation, ReconcileOperation } from '../../../model/operation.ts'

const grant: PostOperation = {
  kind: 'post',
  name: 'grant',
  summary: 'Give credits for nothing, and say why',
  sign: 'plus',
  type: 'GRANT',
  takes: { reason: 'required' },
}

const purchase: PostOperation = {
  kind: 'post',
  name: 'purchase',
  summary: 'Book credits that were bought; once for each checkout session and payment intent',
  sign: 'plus',
  type: 'PURCHASE',
  takes: {
    stripe_checkout_session_id: 'required',
    stripe_payment_intent_id: 'optional',
    reason: 'optional',
  },
  once: ['stripe_checkout_session_id', 'stripe_payment_intent_id'],
}

const debit: PostOperation = {
  kind: 'post',
  name: 'debit',
  summary: 'Take credits for the work of an agent; refused when there are not enough',
  sign: 'minus',
  type: 'CONSUME',
  takes: { agent_id: 'required', tool_id: 'optional', analysis_id: 'optional', reason: 'optional' },
}

const refund: PostOperation = {
  kind: 'post',
  name: 'refund',
  summary: 'Refund consumed credits, and say why',
  sign: 'plus',
  type: 'REFUND',
  takes: { reason: 'required', agent_id: 'optional', tool_id: 'optional', analysis_id: 'optional' },
}

const adjust: PostOperation = {
  kind: 'post',
  name: 'adjust',
  summary: 'Put a balance right by so many credits, up or down, and say why',
  sign: 'given',
  type: 'ADJUSTMENT',
  takes: { reason: 'required' },
}

/**
 * Stripe gave the money back, so the credits it bought go. REFUND is the platform giving credits back and always
 * positive; what takes them away is an adjustment. Refused when they are spent already: that is for a person to settle.
 */
const takeBack: PostOperation = {
  kind: 'post',
  name: 'take-back',
  summary: 'Take back the credits of a purchase whose charge was refunded; once for each charge',
  sign: 'minus',
  type: 'ADJUSTMENT',
  takes: { stripe_charge_id: 'required', reason: 'optional' },
  once: ['stripe_charge_id'],
}

const reconcile: ReconcileOperation = {
  kind: 'reconcile',
  name: 'reconcile',
  summary: 'Compare balances with the sums of their transactions',
  repairType: 'ADJUSTMENT',
  reason: 'reason',
}

export const ledgerOperations = [grant, purchase, debit, refund, adjust, takeBack, reconcile] as const
