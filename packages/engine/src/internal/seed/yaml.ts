/**
 * YAML, by the package `yaml`, which the program brings: this package has no parser for it.
 */
import { Effect, Predicate } from "effect"
import type { SeedSourceError } from "../../SqlFailure.js"
import type { Document, Position, SeedSource } from "./source.js"
import { sourceError, sourceOf } from "./source.js"

/**
 * What is used of the package `yaml` (version 2): `import * as YAML from "yaml"`.
 *
 * @since 0.1.0
 * @category models
 */
export interface YamlModule {
  readonly parseDocument: (text: string, options: any) => {
    readonly errors: ReadonlyArray<{ readonly message: string; readonly pos: readonly [number, number] }>
    readonly toJS: () => unknown
    readonly getIn: (path: Array<unknown>, keepScalar: boolean) => unknown
  }
  readonly LineCounter: new() => {
    readonly linePos: (offset: number) => { readonly line: number; readonly col: number }
  }
}

/** Integers that a number holds exactly are numbers; an alias is the same value wherever it stands. */
const narrowed = (value: unknown, seen: Set<object>): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value !== "object" || value === null || seen.has(value)) return value
  seen.add(value)
  if (Array.isArray(value)) value.forEach((one, at) => (value[at] = narrowed(one, seen)))
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const [name, one] of Object.entries(value)) {
      Object.defineProperty(value, name, {
        value: narrowed(one, seen),
        enumerable: true,
        writable: true,
        configurable: true
      })
    }
  }
  return value
}

const parse = (yaml: YamlModule, name: string, text: string): Effect.Effect<Document, SeedSourceError> =>
  Effect.suspend(() => {
    const lines = new yaml.LineCounter()
    const positionAt = (offset: number): Position => {
      const { col, line } = lines.linePos(offset)
      return { line, column: col }
    }
    // Pretty errors show a piece of the text, which may hold what nobody should read in a log.
    const document = yaml.parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      merge: true,
      intAsBigInt: true
    })
    const [error] = document.errors
    if (error !== undefined) return sourceError(name, error.message, positionAt(error.pos[0]))
    const broken = (cause: unknown) => {
      const alias = /alias.*: (\S+)$/.exec(cause instanceof Error ? cause.message : "")?.[1]
      const at = alias === undefined ? -1 : text.search(new RegExp(`\\*${alias.replace(/\W/g, "\\$&")}(?![^\\s,\\]}])`))
      return sourceError(name, "an alias leads nowhere, or to too much", at === -1 ? undefined : positionAt(at))
    }
    return Effect.map(
      Effect.try({ try: () => narrowed(document.toJS(), new Set()), catch: broken }),
      (value): Document => ({
        value,
        locate: (path) => {
          for (let length = path.length; length >= 0; length--) {
            const node = document.getIn(path.slice(0, length), true)
            if (Predicate.hasProperty(node, "range") && Array.isArray(node.range)) return positionAt(node.range[0])
          }
          return undefined
        }
      })
    )
  })

/**
 * YAML text. Anchors and merges work, so that constants may stand in a section of their own, whose name begins with an
 * underscore.
 *
 * @example
 * ```ts
 * import { Seed } from "effect-sql-engine"
 * import * as YAML from "yaml"
 *
 * export const source = Seed.fromYaml(YAML, `
 * users:
 *   - id: 1
 *     name: Ada
 * `)
 * ```
 *
 * @since 0.1.0
 * @category sources
 */
export const fromYaml = (
  yaml: YamlModule,
  text: string,
  options: { readonly name?: string | undefined } = {}
): SeedSource => sourceOf("YAML", options, (name) => parse(yaml, name, text))
