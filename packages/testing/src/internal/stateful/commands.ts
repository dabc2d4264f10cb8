/**
 * What can be done with a repository, as commands that are tried on it and on the model.
 */
import { Cause, Exit, FastCheck, Option } from "effect"
import type { Effect } from "effect"
import { updateFields } from "../arbitrary/field.js"
import type { TablePlan } from "../arbitrary/plan.js"
import { given, type Raw, rawRow } from "../arbitrary/rows.js"
import { Deviation, type Fields, type Model, shown } from "./model.js"

/** The operations of a repository that are tried. */
export interface Subject {
  readonly insert: (row: any) => Effect.Effect<any, any, any>
  readonly findByKey: (key: any) => Effect.Effect<Option.Option<any>, any, any>
  readonly findMany: () => Effect.Effect<ReadonlyArray<any>, any, any>
  readonly update: (target: any, changes: any) => Effect.Effect<any, any, any>
  readonly delete: (target: any) => Effect.Effect<boolean, any, any>
  readonly count: () => Effect.Effect<number, any, any>
}

/** A repository at work. */
export interface Real {
  readonly subject: Subject
  readonly run: <A>(effect: Effect.Effect<A, any, any>) => Promise<Exit.Exit<A, any>>
  /** The fields of a row's links: of rows that are there. */
  readonly linked: (picks: ReadonlyArray<number | null>) => Fields | undefined
  /** What was done so far. */
  readonly trace: Array<string>
}

/** One thing to do; where `check` says that it cannot be done, it is left out. */
export interface Command {
  readonly check: (model: Model) => boolean
  readonly run: (model: Model, real: Real) => Promise<void>
  /** The same on another row. */
  readonly at?: (row: number) => Command
}

/** Success, or throws. */
const value = <A>(what: string, exit: Exit.Exit<A, any>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw new Deviation(`${what} failed: ${Cause.pretty(exit.cause)}`)
}

/** Fails with one of these tags, or throws. */
const refused = (what: string, exit: Exit.Exit<unknown, any>, tag: string): void => {
  const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
  if (failure?._tag === tag) return
  throw new Deviation(
    `${what} should fail with ${tag}, and ${
      Exit.isSuccess(exit) ? `gave ${shown(exit.value)}` : `failed otherwise: ${Cause.pretty(exit.cause)}`
    }.`
  )
}

abstract class Step implements Command {
  abstract check(model: Model): boolean
  abstract run(model: Model, real: Real): Promise<void>

  protected told(real: Real, text: string): string {
    real.trace.push(text)
    return text
  }
}

/** A command that can be done whatever is there. */
abstract class Always extends Step {
  check() {
    return true
  }
}

const pick = <A>(from: ReadonlyArray<A>, at: number): A | undefined => from[at % from.length]

/** With a number, the values of a unique rule are another row's: chance alone hardly ever meets them. */
type Twin = number | null

class Insert extends Always {
  constructor(private readonly raw: Raw, private readonly twin: Twin) {
    super()
  }

  async run(model: Model, real: Real) {
    const links = real.linked(this.raw.picks)
    // There is nothing that it could refer to.
    if (links === undefined) return
    const row: Record<string, unknown> = { ...given(this.raw.values), ...links }
    if (this.twin !== null) Object.assign(row, model.taken(this.twin, Object.keys(row)))
    const what = this.told(real, `insert ${shown(row)}`)
    const exit = await real.run(real.subject.insert(row))
    if (model.conflicts(row)) return refused(what, exit, "UniqueViolation")
    const inserted: Fields = value(what, exit)
    model.expect(what, inserted, row)
    if (model.find(model.key(inserted)) !== undefined) {
      throw new Deviation(`${what} gave a row with the key ${shown(model.key(inserted))}, which another one has.`)
    }
    model.rows.push(inserted)
  }
}

/** A command on a row that is there, or on one that is gone. */
abstract class OnRow extends Step {
  constructor(protected readonly row: number, protected readonly gone: boolean) {
    super()
  }

  at(row: number): Command {
    return Object.assign(Object.create(Object.getPrototypeOf(this) as object), this, { row })
  }

  check(model: Model) {
    return (this.gone ? model.gone : model.rows).length > 0
  }

  protected target(model: Model): Fields {
    return pick(this.gone ? model.gone : model.rows, this.row)!
  }
}

class Find extends OnRow {
  async run(model: Model, real: Real) {
    const key = model.key(this.target(model))
    const what = this.told(real, `find ${shown(key)}`)
    const found: Option.Option<Fields> = value(what, await real.run(real.subject.findByKey(key)))
    const expected = model.find(key)
    if (expected !== undefined) return model.expect(what, Option.getOrNull(found), expected)
    if (Option.isSome(found)) throw new Deviation(`${what} gave ${shown(found.value)}, a row that is not there.`)
  }
}

class Update extends OnRow {
  constructor(
    row: number,
    gone: boolean,
    private readonly given: Fields,
    private readonly twin: Twin,
    private readonly changeable: ReadonlyArray<string>
  ) {
    super(row, gone)
  }

  async run(model: Model, real: Real) {
    const target = this.target(model)
    const changes = this.twin === null
      ? this.given
      : { ...this.given, ...model.taken(this.twin, this.changeable) }
    const what = this.told(real, `update ${shown(model.key(target))} ${shown(changes)}`)
    const exit = await real.run(real.subject.update(target, changes))
    const present = model.find(model.key(target))
    if (present === undefined) return refused(what, exit, "RowNotFound")
    const changed = { ...present, ...changes }
    if (model.conflicts(changed, present)) return refused(what, exit, "UniqueViolation")
    const updated: Fields = value(what, exit)
    model.expect(what, updated, changed)
    model.rows = model.rows.map((row) => row === present ? updated : row)
  }
}

class Delete extends OnRow {
  async run(model: Model, real: Real) {
    const target = this.target(model)
    const what = this.told(real, `delete ${shown(model.key(target))}`)
    const present = model.find(model.key(target))
    const deleted = value(what, await real.run(real.subject.delete(target)))
    if (deleted !== (present !== undefined)) {
      throw new Deviation(`${what} gave ${deleted}, and the row was ${present === undefined ? "not " : ""}there.`)
    }
    if (present === undefined) return
    model.rows = model.rows.filter((row) => row !== present)
    model.gone.push(present)
  }
}

class Count extends Always {
  async run(model: Model, real: Real) {
    const what = this.told(real, "count")
    const count = value(what, await real.run(real.subject.count()))
    if (count !== model.rows.length) throw new Deviation(`count gave ${count}, and should give ${model.rows.length}.`)
  }
}

class FindAll extends Always {
  async run(model: Model, real: Real) {
    const what = this.told(real, "findMany")
    model.expectAll(what, value(what, await real.run(real.subject.findMany())))
  }
}

/** The commands that can be tried on a table's repository. */
export const commandsOf = (plan: TablePlan): FastCheck.Arbitrary<Command> => {
  const changeable = plan.fields.filter(({ column }) =>
    updateFields(plan.table.model).fields.includes(column.field) && !plan.table.primaryKey.includes(column.field)
  )
  const changes = FastCheck.record(
    Object.fromEntries(changeable.map(({ arbitrary, column }) => [column.field, arbitrary])),
    { requiredKeys: [] }
  ).map((fields) => given(fields))
  const at = FastCheck.nat(9)
  // Shrinking leads to rows that are there, and to values of their own.
  const gone = FastCheck.integer({ min: 0, max: 3 }).map((chance) => chance === 3)
  const twin = FastCheck.oneof(
    { withCrossShrink: true },
    { arbitrary: FastCheck.constant<Twin>(null), weight: 3 },
    { arbitrary: FastCheck.nat(9), weight: 1 }
  )
  const insert = FastCheck.tuple(rawRow(plan), twin).map(([raw, twin]) => new Insert(raw, twin))
  const row = <C>(make: (at: number, gone: boolean) => C) =>
    FastCheck.tuple(at, gone).map(([at, gone]) => make(at, gone))
  return FastCheck.oneof<Array<FastCheck.MaybeWeightedArbitrary<Command>>>(
    { arbitrary: insert, weight: 2 },
    row((at, gone) => new Find(at, gone)),
    ...(changeable.length === 0
      ? []
      : [
        FastCheck.tuple(at, gone, changes, twin).map(([at, gone, changes, twin]) =>
          new Update(at, gone, changes, twin, changeable.map(({ column }) => column.field))
        )
      ]),
    row((at, gone) => new Delete(at, gone)),
    FastCheck.constant(new Count()),
    FastCheck.constant(new FindAll())
  )
}

/** The last command: what is in the table is what is in the model. */
export const atEnd: Command = new FindAll()
