/**
 * Programs that use three engines at once, as data: statements of every kind, and sessions inside sessions of the same
 * and of other engines, one after the other and side by side.
 *
 * Side by side, engines are taken in one order (a session of an engine touches only engines after it), because whoever
 * holds what another one waits for would otherwise wait for ever, as with any two locks.
 */
import { FastCheck } from "effect"

/** One of the three engines. */
export type Which = 0 | 1 | 2

/** How an engine is asked which database it is. */
export const ways = ["statement", "stream", "values", "reserve", "resolver", "schema"] as const

/** What a body does, one after the other. */
export type Step =
  | { readonly _tag: "Ask"; readonly of: Which; readonly way: (typeof ways)[number] }
  | { readonly _tag: "Insert"; readonly into: Which; readonly key: number }
  | { readonly _tag: "Nest"; readonly node: Node }
  | { readonly _tag: "Parallel"; readonly nodes: ReadonlyArray<Node> }

/** One session. */
export interface Node {
  readonly id: number
  readonly of: Which
  readonly verb: "transaction" | "withTransaction" | "new"
  readonly succeeds: boolean
  readonly steps: ReadonlyArray<Step>
}

/** A program. */
export interface Plan {
  readonly steps: ReadonlyArray<Step>
  readonly statements: number
}

interface Raw {
  readonly of: Which
  readonly verb: Node["verb"]
  readonly succeeds: boolean
  readonly steps: ReadonlyArray<RawStep>
}

type RawStep =
  | { readonly ask: (typeof ways)[number]; readonly of: Which }
  | { readonly insert: Which }
  | { readonly nest: Raw }
  | { readonly parallel: ReadonlyArray<Raw> }

const { array, constantFrom, integer, oneof, record } = FastCheck
const which = constantFrom<Which>(0, 1, 2)

const raw = (levels: number): FastCheck.Arbitrary<Raw> =>
  record({
    of: which,
    verb: constantFrom<Node["verb"]>("transaction", "transaction", "withTransaction", "new"),
    succeeds: integer({ min: 0, max: 3 }).map((n) => n > 0),
    steps: steps(levels)
  })

const steps = (levels: number): FastCheck.Arbitrary<ReadonlyArray<RawStep>> => {
  const plain: ReadonlyArray<FastCheck.WeightedArbitrary<RawStep>> = [
    { arbitrary: record({ insert: which }), weight: 4 },
    { arbitrary: record({ ask: constantFrom(...ways), of: which }), weight: 3 }
  ]
  if (levels === 0) return array(oneof(...plain), { maxLength: 5 })
  return array(
    oneof(
      ...plain,
      { arbitrary: record({ nest: raw(levels - 1) }), weight: 3 },
      { arbitrary: record({ parallel: array(raw(levels - 1), { minLength: 2, maxLength: 4 }) }), weight: 1 }
    ),
    { minLength: levels === 4 ? 6 : 0, maxLength: levels === 4 ? 12 : 5 }
  )
}

/** `multiple`: the engines with several connections; only they can run a session beside one they are in. */
const settle = (raws: ReadonlyArray<RawStep>, multiple: ReadonlySet<Which>): Plan => {
  let ids = 0
  let keys = 0
  let statements = 0
  const at = (of: Which, floor: number): Which => Math.max(of, floor) as Which
  /** `beside`: it runs beside others. `floor`: the first engine it may touch. */
  const stepsOf = (raws: ReadonlyArray<RawStep>, beside: boolean, floor: number): ReadonlyArray<Step> =>
    raws.map((raw): Step => {
      if ("ask" in raw) {
        statements++
        return { _tag: "Ask", of: at(raw.of, floor), way: raw.ask }
      }
      if ("insert" in raw) {
        statements++
        const into = at(raw.insert, floor)
        return { _tag: "Insert", into, key: 3 * ++keys + into }
      }
      if ("nest" in raw) return { _tag: "Nest", node: nodeOf(raw.nest, beside, floor) }
      return { _tag: "Parallel", nodes: raw.parallel.map((node) => nodeOf(node, true, floor)) }
    })
  const nodeOf = (raw: Raw, beside: boolean, floor: number): Node => {
    const of = at(raw.of, floor)
    const verb = raw.verb === "new" && (beside || !multiple.has(of)) ? "transaction" : raw.verb
    return { id: ++ids, of, verb, succeeds: raw.succeeds, steps: stepsOf(raw.steps, beside, beside ? of : floor) }
  }
  const plan = { steps: stepsOf(raws, false, 0), statements }
  return Object.assign({ ...plan, statements }, { [FastCheck.toStringMethod]: () => draw(plan.steps, "\n") })
}

const draw = (steps: ReadonlyArray<Step>, line: string): string =>
  steps.map((step) => {
    switch (step._tag) {
      case "Ask":
        return `${line}ask ${step.of} by ${step.way}`
      case "Insert":
        return `${line}insert ${step.key} into ${step.into}`
      case "Nest":
        return drawNode(step.node, line)
      case "Parallel":
        return `${line}side by side${step.nodes.map((node) => drawNode(node, `${line}| `)).join("")}`
    }
  }).join("")

const drawNode = (node: Node, line: string): string =>
  `${line}#${node.id} ${node.verb} of ${node.of}${node.succeeds ? "" : ", fails"}${draw(node.steps, `${line}  `)}`

/** Programs for three engines. */
export const plans = (multiple: ReadonlySet<Which>): FastCheck.Arbitrary<Plan> =>
  steps(4).map((raws) => settle(raws, multiple))
