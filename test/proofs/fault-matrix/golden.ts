/**
 * The golden table: what each cell ends with, and for the single faults which steps come after the fault, since the
 * double faults are drawn from them. `UPDATE_GOLDEN=1 PROVE=full` writes it anew; read the difference before it is kept.
 */
import type { Script } from "effect-sql-engine-testing"
import { readFileSync, writeFileSync } from "node:fs"
import { type Happened, nameOf } from "./plan.js"
import type { Judged } from "./sweep.js"

const file = new URL("../fault-matrix.golden.json", import.meta.url)

/** Whether the table is to be written instead of compared with. */
export const updating = process.env["UPDATE_GOLDEN"] === "1"

interface Golden {
  readonly seed: number
  /** By name: the end, and the steps after the fault. */
  readonly singles: Readonly<Record<string, string>>
  /** One letter a cell, in the order of the plans; `ends` says what it stands for. */
  readonly ends: ReadonlyArray<string>
  readonly doubles: ReadonlyArray<string>
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

export const lineOf = ({ end, happened }: Judged): string =>
  [end, ...happened.map(({ nth, step }) => `${step}#${nth}`)].join(" ")

/** The steps in a line of the table; ends have no number sign. */
const stepsIn = (line: string): ReadonlyArray<Happened> =>
  line.split(" ").filter((word) => word.includes("#")).map((word) => {
    const [step, nth] = word.split("#")
    return { step: step as Script.Step, nth: Number(nth) }
  })

export interface Table {
  readonly seed: number
  readonly singles: ReadonlyMap<string, string>
  readonly doubles: ReadonlyArray<string>
}

export const read = (): Table => {
  const { doubles, ends, seed, singles }: Golden = JSON.parse(readFileSync(file, "utf8"))
  return {
    seed,
    singles: new Map(Object.entries(singles)),
    doubles: [...doubles.join("")].map((letter) => ends[letters.indexOf(letter)] ?? "?")
  }
}

export const write = (seed: number, singles: ReadonlyArray<Judged>, doubles: ReadonlyArray<Judged>): void => {
  const ends = [...new Set(doubles.map(({ end }) => end))].sort()
  const text = doubles.map(({ end }) => letters[ends.indexOf(end)]).join("")
  const golden: Golden = {
    seed,
    singles: Object.fromEntries(singles.map((result) => [nameOf(result.plan), lineOf(result)])),
    ends,
    doubles: text.match(/.{1,100}/g) ?? []
  }
  writeFileSync(file, `${JSON.stringify(golden, undefined, 1)}\n`)
}

/** The steps after the fault of each single plan. */
export const stepsAfter = (table: ReadonlyMap<string, string>, names: ReadonlyArray<string>) =>
  names.map((name) => stepsIn(table.get(name) ?? ""))
