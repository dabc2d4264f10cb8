/**
 * Where every row of a program must be in the end, and on whose connection it was written.
 */
import type { Node, Plan, Step, Which } from "./plan.js"

/** What three engines must come to. */
export interface Expected {
  /** The rows of each engine. */
  readonly rows: readonly [ReadonlyArray<number>, ReadonlyArray<number>, ReadonlyArray<number>]
  /** The outermost session a row was written in; none for a statement of its own. */
  readonly session: ReadonlyMap<number, number | undefined>
}

interface Frame {
  readonly root: number
  rows: Array<number>
}

type Frames = readonly [Frame | undefined, Frame | undefined, Frame | undefined]

const withFrame = (frames: Frames, of: Which, frame: Frame): Frames =>
  frames.map((other, i) => i === of ? frame : other) as unknown as Frames

/** Runs a program in the head. */
export const expected = (plan: Plan): Expected => {
  const rows: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  const session = new Map<number, number | undefined>()

  const take = (step: Step, frames: Frames): void => {
    switch (step._tag) {
      case "Insert": {
        const frame = frames[step.into]
        session.set(step.key, frame?.root)
        ;(frame?.rows ?? rows[step.into]).push(step.key)
        return
      }
      case "Nest":
        return run(step.node, frames)
      case "Parallel":
        return step.nodes.forEach((node) => run(node, frames))
    }
  }

  const run = (node: Node, frames: Frames): void => {
    const around = node.verb === "new" ? undefined : frames[node.of]
    const frame: Frame = { root: around?.root ?? node.id, rows: [] }
    const inside = withFrame(frames, node.of, frame)
    node.steps.forEach((step) => take(step, inside))
    if (node.succeeds) (around?.rows ?? rows[node.of]).push(...frame.rows)
  }

  plan.steps.forEach((step) => take(step, [undefined, undefined, undefined]))
  rows.forEach((keys) => keys.sort((a, b) => a - b))
  return { rows, session }
}
