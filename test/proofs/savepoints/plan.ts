/**
 * Trees of nested sessions: what a program does, as data.
 *
 * Everything that happens is the plan's doing, except for the moments: when a session is interrupted or its time is
 * over, and how siblings take turns. A plan is made so that these do not change what comes out.
 */
import { FastCheck } from "effect"
import type { Ending } from "../../support/endings.js"

/** What a body does, one after the other. */
export type Step =
  | { readonly _tag: "Insert"; readonly key: number }
  /** A statement the database refuses; `caught`: the body goes on. */
  | { readonly _tag: "Broken"; readonly caught: boolean }
  /** Begins to read rows as a stream, and lets go of it after the first. */
  | { readonly _tag: "Peek" }
  | { readonly _tag: "Pause" }
  | { readonly _tag: "Nest"; readonly node: Node }
  | { readonly _tag: "Parallel"; readonly concurrency: number; readonly nodes: ReadonlyArray<Node> }

/** One session. The outermost is a transaction; the others are savepoints, or have joined. */
export interface Node {
  readonly id: number
  readonly depth: number
  readonly nested: "savepoint" | "join"
  readonly steps: ReadonlyArray<Step>
  readonly ending: Ending
  /** Whether the body around it goes on when it does not succeed. */
  readonly caught: boolean
  /** A body around it is stopped at some moment, and this session with it, if it has begun. */
  readonly loose: boolean
  /** For `cut` and `timeout`: how long, in turns of the scheduler or in milliseconds. */
  readonly after: number
}

/** A tree, and how often its fibers yield. */
export interface Plan {
  readonly root: Node
  /** Every session, by its id. */
  readonly nodes: ReadonlyArray<Node>
  /** Which session wrote a key. */
  readonly writer: ReadonlyMap<number, Node>
}

/** Whether a session goes on until it is stopped. */
export const isStopped = ({ ending }: { readonly ending: Ending }): boolean => ending === "cut" || ending === "timeout"

interface Raw {
  readonly join: boolean
  readonly caught: boolean
  readonly ending: Ending
  readonly after: number
  readonly steps: ReadonlyArray<RawStep>
}

type RawStep = "insert" | "broken" | "peek" | "pause" | { readonly nest: Raw } | {
  readonly concurrency: number
  readonly parallel: ReadonlyArray<Raw>
}

const { array, boolean, constant, constantFrom, integer, oneof, record } = FastCheck

const endings = oneof(
  { arbitrary: constant<Ending>("succeed"), weight: 9 },
  { arbitrary: constantFrom<Ending>("rollbackOnly", "fail", "die", "interrupt", "cut", "timeout"), weight: 6 }
)

const raw = (levels: number): FastCheck.Arbitrary<Raw> =>
  record({
    join: integer({ min: 0, max: 4 }),
    caught: boolean(),
    ending: endings,
    after: integer({ min: 0, max: 12 }),
    steps: steps(levels)
  })
    .map((node) => ({ ...node, join: node.join === 4 }))

const steps = (levels: number): FastCheck.Arbitrary<ReadonlyArray<RawStep>> => {
  const plain = [
    { arbitrary: constant<RawStep>("insert"), weight: 6 },
    { arbitrary: constant<RawStep>("broken"), weight: 1 },
    { arbitrary: constant<RawStep>("peek"), weight: 1 },
    { arbitrary: constant<RawStep>("pause"), weight: 1 }
  ]
  if (levels === 0) return array(oneof(...plain), { maxLength: 4 })
  const inner = raw(levels - 1)
  return array(
    oneof(
      { maxDepth: levels },
      ...plain,
      { arbitrary: inner.map((nest): RawStep => ({ nest })), weight: 5 },
      {
        arbitrary: record({
          concurrency: integer({ min: 1, max: 4 }),
          parallel: array(inner, { minLength: 2, maxLength: 4 })
        }),
        weight: 2
      }
    ),
    { maxLength: 4 }
  )
}

/** Where a session stands, and what that forbids. */
interface Place {
  readonly depth: number
  /** It runs beside others: its end must not reach them. */
  readonly beside: boolean
  /** The body around it is stopped at some moment: until then nothing may end it. */
  readonly stopped: boolean
  readonly loose: boolean
}

/** Gives sessions and rows their numbers, and takes out what would make the moment of an interruption matter. */
const settle = (root: Raw): Plan => {
  const nodes: Array<Node> = []
  const writer = new Map<number, Node>()
  let keys = 0
  const nodeOf = (from: Raw, { beside, depth, loose, stopped }: Place): Node => {
    const joins = from.join && depth > 0 && !beside && !stopped && from.ending !== "rollbackOnly" &&
      from.ending !== "cut" && from.ending !== "timeout"
    const ends = isStopped(from)
    const written: Array<number> = []
    const id = nodes.push(undefined as never) - 1
    const node: Node = {
      id,
      depth,
      nested: joins ? "join" : "savepoint",
      ending: from.ending,
      caught: from.caught || beside || stopped,
      loose,
      after: from.after,
      steps: from.steps.flatMap((step): ReadonlyArray<Step> => {
        if (step === "pause") return [{ _tag: "Pause" }]
        if (step === "peek") return [{ _tag: "Peek" }]
        if (step === "broken") return [{ _tag: "Broken", caught: id % 2 === 0 }]
        if (step === "insert") return [{ _tag: "Insert", key: (written.push(++keys), keys) }]
        if ("nest" in step) {
          const place = { depth: depth + 1, beside: false, stopped: ends, loose: loose || ends }
          return [{ _tag: "Nest", node: nodeOf(step.nest, place) }]
        }
        const place = { depth: depth + 1, beside: true, stopped: ends, loose: loose || ends }
        return [{
          _tag: "Parallel",
          concurrency: step.concurrency,
          nodes: step.parallel.map((each) => nodeOf(each, place))
        }]
      })
    }
    for (const key of written) writer.set(key, node)
    nodes[id] = node
    return node
  }
  const plan = { root: nodeOf(root, { depth: 0, beside: false, stopped: false, loose: false }), nodes, writer }
  return Object.assign(plan, { [FastCheck.toStringMethod]: () => draw(plan.root, "\n  ") })
}

/** A session on a line, and what it does below. */
const draw = (node: Node, line: string): string => {
  const below = `${line}  `
  const steps = node.steps.map((step) => {
    switch (step._tag) {
      case "Insert":
        return `${below}insert ${step.key}`
      case "Broken":
        return `${below}broken${step.caught ? ", caught" : ""}`
      case "Peek":
        return `${below}peek`
      case "Pause":
        return `${below}pause`
      case "Nest":
        return draw(step.node, below)
      case "Parallel":
        return `${below}${step.concurrency} at a time${step.nodes.map((each) => draw(each, `${below}| `)).join("")}`
    }
  })
  const after = isStopped(node) ? ` after ${node.after}` : ""
  return `${line}#${node.id} ${node.nested}, ${node.ending}${after}${node.caught ? ", caught" : ""}${steps.join("")}`
}

/** Trees at most six sessions deep, with at most four steps in a body. */
export const plans: FastCheck.Arbitrary<Plan> = raw(5).map(settle)
