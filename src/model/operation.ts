/**
 * Operations: verbs of one entity beyond CRUD. Transitions come from the lifecycle, the verbs of a dependency graph
 * from `graph`, restoring from `softDelete`; what stands here are the other kinds. All are data, and each kind has one
 * runner in `crud/` and one command in `commands/entity/`.
 */
import type { Effect, Scalar } from './effect.ts'
import type { Fields } from './entity.ts'

interface OperationBase {
  /** One word, or two: `credentials set` becomes the verb `set` of the group `credentials`. */
  readonly name: string
  readonly summary: string
}

/** Changes fields of rows that meet a condition, e.g. `organization activate`, `worker heartbeat`. */
export interface AssignOperation extends OperationBase {
  readonly kind: 'assign'
  /** The row must have these values (one of them, for a list), or the operation is refused naming the one it has. */
  readonly when: Readonly<Record<string, Scalar | readonly Scalar[]>>
  /** The row must have none of these values: `{ archived_at: null }` for one that must be archived. */
  readonly unless?: Readonly<Record<string, Scalar | readonly Scalar[]>>
  /** May be empty, where all that happens are effects. */
  readonly set: Readonly<Record<string, Scalar>>
  /** Fields the operation takes besides the id. A sealed field is given by prompt, file or stdin. */
  readonly takes?: Readonly<Record<string, 'required' | 'optional'>>
  /** Values it takes that are no fields of the row; effects use them (`given`). Required unless nullable. */
  readonly inputs?: Fields
  readonly effects?: readonly Effect[]
  /** Fields set to now(). */
  readonly stamps?: readonly string[]
  readonly clears?: readonly string[]
  readonly increments?: readonly string[]
  /** Only one row of those that agree in `fields` may be so: the others get `resets` (`agent-config activate`). */
  readonly exclusive?: { readonly within: readonly string[]; readonly resets: Readonly<Record<string, Scalar>> }
  /** What the refusal says when `when` does not hold, e.g. `is already active`. */
  readonly otherwise: string
  /** Ends something others may be using (revoke, deactivate): the plan is shown and confirmed. */
  readonly ends?: boolean
}

/** Inserts a changed copy of a row: the next number of its series (`workflow new-version`), or a retry as a child. */
export interface CopyOperation extends OperationBase {
  readonly kind: 'copy'
  /** The numbered field (`numberedWithin`) that gets the next value. */
  readonly numbers?: string
  /**
   * The field of the new row that gets the original's key (`parent_execution_id`). A row gets one such copy: the next
   * one is made of that.
   */
  readonly links?: string
  /** The original must have one of these values. */
  readonly when?: Readonly<Record<string, readonly Scalar[]>>
  /** What the refusal says when `when` does not hold. */
  readonly otherwise?: string
  /** Fields of the new row that are one more than the original's (`retry_count`). */
  readonly increments?: readonly string[]
  /** Fields that may be given anew; the rest is copied. With `numbers`, at least one must be given. */
  readonly takes: readonly string[]
  /** Fields left to their default instead of being copied (results, errors, readable ids). */
  readonly leaves?: readonly string[]
  /** Set on the new row whatever the old one has. */
  readonly resets?: Readonly<Record<string, Scalar>>
  /** With `--retire-previous`, set on every older row of the series. */
  readonly retires?: Readonly<Record<string, Scalar>>
}

/** Shows the log of a row, newest last; `--follow` goes on until the row has ended (`execution logs`). */
export interface LogsOperation extends OperationBase {
  readonly kind: 'logs'
  /** Entity of the log lines, and its field that names the row. */
  readonly entity: string
  readonly via: string
  /** Field of the level, an enumeration from least to most severe. */
  readonly level: string
  readonly message: string
  readonly time: string
  /** Field shown beside the message where it has a value, e.g. `step_name`. */
  readonly beside?: string
}

/** Gives rows of one series new places without ever having two in one place (`action reorder`). */
export interface ReorderOperation extends OperationBase {
  readonly kind: 'reorder'
  /** The numbered field, and the lowest number. */
  readonly numbers: string
  readonly from: number
}

/** Takes rows whose time has come through a transition, as one plan (`worker reap`). */
export interface SweepOperation extends OperationBase {
  readonly kind: 'sweep'
  /** Verb of the transition; it may be `internal`. */
  readonly moves: string
  /** Only rows in these states, where the transition leads out of others as well (a failed event is in no hand). */
  readonly from?: readonly string[]
  /** The instant that must lie this long in the past (a PostgreSQL interval), or be NULL where `orNull` says so. */
  readonly age: { readonly field: string; readonly olderThan: string; readonly orNull?: boolean }
  /** What such rows are called: `stale`, `expired`. */
  readonly adjective: string
}

/** Books an amount on a row with a ledger: one entry and the new balance, in one transaction (decision 41). */
export interface PostOperation extends OperationBase {
  readonly kind: 'post'
  /** Sign of the amount; `given` takes it as it is typed (an adjustment). */
  readonly sign: 'plus' | 'minus' | 'given'
  /** Value of the entry's type field. */
  readonly type: string
  /** Fields of the entry that it takes. */
  readonly takes: Readonly<Record<string, 'required' | 'optional'>>
  /**
   * Fields of the entry that name an outside event: an entry that has the same value already makes the operation do
   * nothing, and an entry with the same value and another amount, type or row refuses it.
   */
  readonly once?: readonly string[]
}

/**
 * Compares every balance with the sum of its entries (decision 41). `--repair` brings the balance to the sum, or with
 * `--trust balance` books the difference as an entry.
 */
export interface ReconcileOperation extends OperationBase {
  readonly kind: 'reconcile'
  /** Type of the entry that a repair books. */
  readonly repairType: string
  /** Field of that entry that gets the reason of the repair. */
  readonly reason?: string
}

/**
 * Works an outside event off again, by its type, into operations of other entities; each does its work once. An event
 * that fails keeps the reason in `error`. One of a type that has no handler is nothing that failed: platforms are sent
 * more than they have a use for. It is reported as not handled, and stays as it is.
 */
export interface ReplayOperation extends OperationBase {
  readonly kind: 'replay'
  readonly type: string
  readonly payload: string
  readonly processedAt: string
  readonly error: string
  readonly handlers: Readonly<
    Record<
      string,
      {
        readonly entity: string
        /** Name of a `post` operation of that entity. */
        readonly operation: string
        /** Paths in the payload, e.g. `data.object.metadata.user_id`; at `row` stands the row's key or its handle. */
        readonly row: string
        readonly amount: string
        readonly values: Readonly<Record<string, string>>
        /** What the payload says when nothing may be booked: this text (or number, true, false) at this path. */
        readonly unless?: readonly { readonly at: string; readonly is: string; readonly says: string }[]
      }
    >
  >
}

/** Shows the messages of one conversation as a thread, replies below what they answer. */
export interface ThreadOperation extends OperationBase {
  readonly kind: 'thread'
  /** Field that names the conversation. */
  readonly by: string
  readonly parent: string
  readonly author: readonly string[]
  readonly text: string
  readonly time: string
}

/** Lists the versions a row had, or shows how two of them differ. A trigger keeps the versions. */
export interface VersionsOperation extends OperationBase {
  readonly kind: 'versions'
  /** Entity that keeps the versions, its field that names the row, and the number of each. */
  readonly entity: string
  readonly via: string
  readonly number: string
  /** Fields that a difference shows, texts line by line. */
  readonly compares: readonly string[]
  /** `list` lists them, `difference` compares two. */
  readonly shows: 'list' | 'difference'
}

/** Seals a field of every row again under a new key (decision 35). */
export interface RotateOperation extends OperationBase {
  readonly kind: 'rotate'
  readonly field: string
}

export type Operation =
  | AssignOperation
  | CopyOperation
  | LogsOperation
  | ReorderOperation
  | SweepOperation
  | PostOperation
  | ReconcileOperation
  | ReplayOperation
  | ThreadOperation
  | VersionsOperation
  | RotateOperation
