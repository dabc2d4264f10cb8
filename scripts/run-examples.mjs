/**
 * Runs examples one after the other and writes down which of their answers are wrong. Started by docs.mjs.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { agrees, show } from "./answers.mjs"

/**
 * @typedef {{ readonly line: number, readonly expected: string }} Answer
 * @typedef {{ readonly module: string, readonly file: string, readonly answers: Array<Answer> }} Program
 * @typedef {{ readonly programs: Array<Program>, readonly report: string }} Plan
 */

/** @type {Plan} */
const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))

/** @type {Array<{ file: string, line: number, message: string }>} */
const complaints = []
/** @type {Set<string>} */
const given = new Set()

/** @param {number} index */
const answersOf = (index) => {
  const { answers, file } = /** @type {Program} */ (plan.programs[index])
  /**
   * @param {number} at
   * @param {"print" | "value"} kind
   * @param {ReadonlyArray<unknown>} values
   */
  return (at, kind, values) => {
    const line = at + 1
    const expected = answers.find((_) => _.line === line)?.expected ?? ""
    given.add(`${index}:${line}`)
    if (!agrees(expected, kind, values)) {
      complaints.push({ file, line, message: `says => ${expected}, but is ${show(kind, values)}` })
    }
    return values
  }
}
Object.assign(globalThis, { __answersOf: answersOf })

const finish = () => {
  for (const [index, program] of plan.programs.entries()) {
    for (const { line } of program.answers) {
      if (!given.has(`${index}:${line}`)) {
        complaints.push({ file: program.file, line, message: "this line was never reached" })
      }
    }
  }
  writeFileSync(plan.report, JSON.stringify(complaints))
}

/** @param {Program} program @param {unknown} cause */
const died = (program, cause) =>
  complaints.push({
    file: program.file,
    line: program.answers[0]?.line ?? 1,
    message: `failed: ${cause instanceof Error ? cause.stack : String(cause)}`
  })

// An example may start a program without waiting for it: the answers are counted when nothing is left to do.
process.once("beforeExit", finish)
let current = plan.programs[0]
process.on("unhandledRejection", (cause) => current && died(current, cause))

for (const program of plan.programs) {
  current = program
  try {
    // oxlint-disable-next-line no-await-in-loop -- one at a time, so that a failure belongs to one example
    await import(pathToFileURL(program.module).href)
  } catch (cause) {
    died(program, cause)
  }
}
