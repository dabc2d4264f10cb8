/**
 * The same rows by a seed: from YAML, from JSON and from code, of declared tables and of such as only the database knows.
 */
import { NodeContext } from "@effect/platform-node"
import { Effect, Exit, Schema } from "effect"
import { Seed, Table } from "effect-sql-engine"
import type * as Engine from "effect-sql-engine/Engine"
import * as YAML from "yaml"
import type { Kind } from "./kind.js"
import type { Findings, Observe, Stored } from "./law.js"
import { refusal, shown } from "./law.js"

type Rows = Readonly<Record<string, ReadonlyArray<{ readonly id: number; readonly v: unknown }>>>

interface Manner {
  readonly name: string
  readonly isText: boolean
  readonly isDeclared: boolean
  readonly source: (rows: Rows) => Seed.SeedSource
}

export const manners: ReadonlyArray<Manner> = [
  { name: "yaml", isText: true, isDeclared: true, source: (rows) => Seed.fromYaml(YAML, YAML.stringify(rows)) },
  { name: "json", isText: true, isDeclared: true, source: (rows) => Seed.fromJson(JSON.stringify(rows)) },
  { name: "code", isText: false, isDeclared: true, source: (rows) => Seed.fromValue(rows) },
  { name: "plain", isText: false, isDeclared: false, source: (rows) => Seed.fromValue(rows) }
]

/** The table that a manner of seeding has for a type. */
export const seeded = (kind: Kind, { name }: Manner): Kind => ({
  ...kind,
  table: Table.as(kind.table, { name: `s_${name}_${kind.name}` })
})

const Plain = Schema.Struct({ id: Schema.Int, v: Schema.Unknown })

/** Seeds what was taken by the other roads, and compares the texts. */
export const seeds = (
  all: ReadonlyArray<Stored>,
  observe: Observe,
  where: string,
  found: Findings
): Effect.Effect<void, never, Engine.Engine> =>
  Effect.forEach(manners, (manner) =>
    Effect.gen(function*() {
      const usable = all.filter(({ kind }) =>
        (!manner.isText || kind.inSource !== undefined) && (manner.isDeclared || kind.inPlain)
      )
      const run = (some: ReadonlyArray<Stored>, name: string) => {
        const rows = Object.fromEntries(some.map(({ kind, rows }) => [
          seeded(kind, manner).table.name,
          rows.map(({ id, v }) => ({ id, v: v === null ? null : manner.isText ? kind.inSource!(v) : v }))
        ]))
        const resources = Object.fromEntries(some.map(({ kind }) => {
          const { table } = seeded(kind, manner)
          return [table.name, manner.isDeclared ? table : Plain]
        }))
        return Effect.exit(Effect.provide(Seed.run(manner.source(rows), resources, { name }), NodeContext.layer))
      }
      const together = yield* run(usable, `${where} ${manner.name}`)
      if (Exit.isFailure(together)) {
        for (const one of usable) {
          const exit = yield* run([one], `${where} ${manner.name} ${one.kind.name}`)
          if (Exit.isFailure(exit)) {
            found.breaches.push(
              `${where}, ${one.kind.sql}: a seed from ${manner.name} is refused (${refusal(exit)}): ${messageOf(exit)}`
            )
          }
        }
      }
      for (const { kind, rows, texts } of usable) {
        const written = yield* observe(seeded(kind, manner))
        if (written.size === 0) continue
        for (const { id, v } of rows) {
          found.written++
          if (written.get(id) !== texts.get(id)) {
            found.breaches.push(
              `${where}, ${kind.sql}, ${shown(v)}: stored as ${texts.get(id)} by template, as ${
                written.get(id)
              } by a seed from ${manner.name}`
            )
          }
        }
      }
    }), { discard: true })

const messageOf = (exit: Exit.Exit<unknown, unknown>): string =>
  String((exit as any).cause?.error?.message ?? "").slice(0, 300)
