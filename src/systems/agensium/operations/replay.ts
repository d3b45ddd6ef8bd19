/**
 * `stripe-event replay` (decision 41): processes an event again, as the platform's webhook does. Checkout sessions and
 * payment intents carry in their metadata whose credits they are about and how many; Stripe hands the metadata of a
 * payment intent on to its charge. Amounts in the payload are money, never credits.
 */
import type { ReplayOperation } from '../../../model/operation.ts'

const ofMetadata = { row: 'data.object.metadata.user_id', amount: 'data.object.metadata.credits' } as const

/**
 * A session that is completed may still wait for its money, as with a bank debit, and never get it; a later event says
 * that it came (docs.stripe.com/payments/checkout/fulfill-orders).
 */
const paidSession = {
  entity: 'wallet',
  operation: 'purchase',
  ...ofMetadata,
  values: {
    stripe_checkout_session_id: 'data.object.id',
    stripe_payment_intent_id: 'data.object.payment_intent',
  },
  unless: [
    {
      at: 'data.object.payment_status',
      is: 'unpaid',
      says: 'checkout.session.async_payment_succeeded comes with the money',
    },
  ],
} as const

export const replay: ReplayOperation = {
  kind: 'replay',
  name: 'replay',
  summary: 'Process the event again: book the purchase, or take back what a refunded charge had bought',
  type: 'type',
  payload: 'payload',
  processedAt: 'processed_at',
  error: 'error',
  handlers: {
    'checkout.session.completed': paidSession,
    'checkout.session.async_payment_succeeded': paidSession,
    'charge.refunded': {
      entity: 'wallet',
      operation: 'take-back',
      ...ofMetadata,
      values: { stripe_charge_id: 'data.object.id' },
      // Sent for every refund; `refunded` is true once all of the charge is. How many credits a part of it is worth
      // is for a person to say.
      unless: [{ at: 'data.object.refunded', is: 'false', says: 'a part was refunded; use wallet adjust' }],
    },
  },
}
