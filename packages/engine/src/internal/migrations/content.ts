/**
 * What stands behind a migration's name: a text, an effect, its parts, or a module that exports one of these.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Either, Predicate } from "effect"
import type { SqlSyntax } from "../../SqlText.js"
import { problemsOf } from "../config/compound.js"
import { anything } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { flag, text } from "../config/option.js"
import type { Body, Loaded } from "./model.js"
import { readSql } from "./sections.js"
import type { Section } from "./sections.js"

/**
 * What a step does: SQL, one or several statements; or an effect.
 *
 * @since 0.1.0
 * @category sources
 */
export type Work<R> = string | Effect.Effect<unknown, unknown, R>

/**
 * A migration in its parts.
 *
 * @since 0.1.0
 * @category sources
 */
export interface Parts<R> {
  readonly up: Work<R>
  /** Takes it back. */
  readonly down?: Work<R> | undefined
  /**
   * Whether it runs in a transaction of its own, together with its row in the ledger. Default `true`, and what an SQL text
   * says of itself.
   */
  readonly transaction?: boolean | undefined
  /** Tells editions of code apart, which cannot be seen: any text, to be changed with the code. SQL has its own. */
  readonly checksum?: string | undefined
}

/**
 * A migration as it is written down.
 *
 * @since 0.1.0
 * @category sources
 */
export type Input<R> = Work<R> | Parts<R>

/**
 * What the effects of an input need, besides the client.
 *
 * @since 0.1.0
 * @category sources
 */
export type InputContext<I> = Exclude<
  I extends Effect.Effect<any, any, infer R> ? R
    : I extends Parts<any> ? WorkContext<I["up"]> | WorkContext<I["down"]>
    : never,
  SqlClient
>

type WorkContext<W> = W extends Effect.Effect<any, any, infer R> ? R : never

/** A migration that was read, and its checksum. */
export interface Content<R> extends Loaded<R> {
  readonly checksum: string | undefined
}

const code = <R>(effect: Effect.Effect<unknown, unknown, R>): Body<R> => ({ _tag: "Code", effect })

const isWork = (u: unknown): u is Work<any> => typeof u === "string" || Effect.isEffect(u)

/** The files that the parts of an input are in, for messages. */
export interface Files {
  readonly up?: string | undefined
  readonly down?: string | undefined
}

const ofText = (text: string, syntax: SqlSyntax, file: string | undefined): Either.Either<Content<never>, string> => {
  const read = readSql(text, syntax)
  if (typeof read === "string") return Either.left(read)
  const sql = (section: Section): Body<never> => ({ _tag: "Sql", section, file })
  return Either.right({
    transaction: read.transaction,
    up: sql(read.up),
    down: read.down === undefined ? undefined : sql(read.down),
    checksum: read.checksum
  })
}

const ofWork = <R>(
  work: Work<R>,
  syntax: SqlSyntax,
  file: string | undefined
): Either.Either<Content<R>, string> =>
  typeof work === "string"
    ? ofText(work, syntax, file)
    : Either.right({ transaction: true, up: code(work), down: undefined, checksum: undefined })

const partsOptions: Described<Parts<any>> = { up: anything, down: anything, transaction: flag(), checksum: text() }

/** `contentOf`, of a value whose parts have no other names: a module may export anything besides. */
export const contentOfValue = <R>(input: Input<R>, syntax: SqlSyntax): Either.Either<Content<R>, string> => {
  const [first] = isWork(input) ? [] : problemsOf(partsOptions, input)
  return first === undefined
    ? contentOf(input, syntax)
    : Either.left(`has the part \`${first.field}\`, which ${first.problem}`)
}

/** Reads what was written down; a text says what is wrong with it. */
export const contentOf = <R>(
  input: Input<R>,
  syntax: SqlSyntax,
  files: Files = {}
): Either.Either<Content<R>, string> => {
  if (isWork(input)) return ofWork<R>(input, syntax, files.up)
  const { down } = input
  return Either.flatMap(
    ofWork(input.up, syntax, files.up),
    (up) =>
      Either.map(
        down === undefined ? Either.right({ up: up.down }) : ofWork(down, syntax, files.down),
        (down): Content<R> => ({
          transaction: input.transaction ?? up.transaction,
          up: up.up,
          down: down.up,
          checksum: input.checksum ?? up.checksum
        })
      )
  )
}

const isParts = (u: unknown): u is Parts<any> =>
  Predicate.hasProperty(u, "up") && isWork(u.up) &&
  (!Predicate.hasProperty(u, "down") || u.down === undefined || isWork(u.down))

/** Reads a module: it exports a migration by default, or is its parts. */
export const contentOfModule = (
  module: unknown,
  syntax: SqlSyntax,
  file?: string
): Either.Either<Content<any>, string> => {
  // What was CommonJS has its default export inside of a default export.
  for (let at = module, depth = 0; depth < 3; depth++) {
    // Only a text that is all of a file has its lines in it.
    if (isWork(at) || isParts(at)) return contentOf<any>(at, syntax, isParts(at) ? {} : { up: file })
    if (!Predicate.hasProperty(at, "default")) break
    at = at.default
  }
  return Either.left("exports no migration: export an effect, a text, or { up, down } by default")
}
