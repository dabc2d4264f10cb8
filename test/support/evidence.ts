/**
 * What a proof has measured, for the record.
 *
 * A note travels with its test to `scripts/EvidenceReporter.ts`, which writes `docs/evidence.md` when the proofs were run
 * at full size, from the notes of tests that passed. In other runs it is a line of output and nothing else.
 */
import { getCurrentTest } from "vitest/suite"

/** One measured result. */
export interface Note {
  /** The number of the proof, with the part of it where it has parts: `3d`. */
  readonly proof: string
  /** What was run, with the numbers: `1,000 cuts`. */
  readonly size: string
  readonly figures: Readonly<Record<string, number | string>>
  /** Absent where nothing is left to chance. */
  readonly seed?: number | undefined
}

declare module "@vitest/runner" {
  interface TaskMeta {
    evidence?: Array<Note>
  }
}

const figure = (name: string, value: number | string): string =>
  typeof value === "number" ? `${(Math.round(value * 10) / 10).toLocaleString("en")} ${name}` : `${name}: ${value}`

/** Figures as people read them. */
export const told = (figures: Note["figures"]): string =>
  Object.entries(figures).map(([name, value]) => figure(name, value)).join("; ")

/** Notes what the running test has measured, and prints it. */
export const evidence = (note: Note): void => {
  const test = getCurrentTest()
  if (test === undefined) throw new Error("evidence is noted by a running test")
  const notes = test.meta.evidence ??= []
  notes.push(note)
  console.log(
    `proof ${note.proof}: ${note.size}: ${told(note.figures)}${note.seed === undefined ? "" : `, seed ${note.seed}`}`
  )
}

/** What a part of some times is below: `percentile(times, 0.99)`. */
export const percentile = (times: ReadonlyArray<number>, part: number): number =>
  [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * part)] ?? 0
