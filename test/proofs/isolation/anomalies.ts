/**
 * The ten anomalies of Hermitage as schedules: who does what in which order, and how to tell that it happened.
 *
 * Source: https://github.com/ept/hermitage (Martin Kleppmann), after Adya's "Weak Consistency" (1999)
 */

/** A session of a schedule. */
export type Who = 1 | 2 | 3

/** One step: a statement, or the end of the session. */
export type Step = readonly [who: Who, what: string]

/** What came of a schedule. */
export interface Outcome {
  /** The values each session has read, one list for each of its SELECTs that succeeded. */
  readonly reads: Readonly<Record<Who, ReadonlyArray<ReadonlyArray<number>>>>
  readonly committed: ReadonlySet<Who>
  /** The values in the table at the end, by id. */
  readonly rows: ReadonlyArray<number>
}

/** A schedule and its question. */
export interface Anomaly {
  readonly name: string
  readonly meaning: string
  readonly steps: ReadonlyArray<Step>
  readonly happened: (outcome: Outcome) => boolean
}

const read = (where: string) => `select value from test where ${where} order by id`
const write = (id: number, value: number) => `update test set value = ${value} where id = ${id}`
const divisible = "select value from test where value % 3 = 0 order by id"

const saw = (outcome: Outcome, who: Who, value: number) =>
  outcome.committed.has(who) && outcome.reads[who].some((values) => values.includes(value))

const both = ({ committed }: Outcome) => committed.has(1) && committed.has(2)

/** In the order of Hermitage's table. The table holds (1, 10) and (2, 20). */
export const anomalies: ReadonlyArray<Anomaly> = [
  {
    name: "G0",
    meaning: "write cycles",
    steps: [
      [1, write(1, 11)],
      [2, write(1, 12)],
      [1, write(2, 21)],
      [1, "commit"],
      [2, write(2, 22)],
      [2, "commit"]
    ],
    happened: ({ rows: [first, second] }) => (first === 11) !== (second === 21)
  },
  {
    name: "G1a",
    meaning: "aborted reads",
    steps: [[1, write(1, 101)], [2, read("true")], [1, "rollback"], [2, read("true")], [2, "commit"]],
    happened: (outcome) => saw(outcome, 2, 101)
  },
  {
    name: "G1b",
    meaning: "intermediate reads",
    steps: [
      [1, write(1, 101)],
      [2, read("true")],
      [1, write(1, 11)],
      [1, "commit"],
      [2, read("true")],
      [2, "commit"]
    ],
    happened: (outcome) => saw(outcome, 2, 101)
  },
  {
    name: "G1c",
    meaning: "circular information flow",
    steps: [
      [1, write(1, 11)],
      [2, write(2, 22)],
      [1, read("id = 2")],
      [2, read("id = 1")],
      [1, "commit"],
      [2, "commit"]
    ],
    happened: (outcome) => saw(outcome, 1, 22) && saw(outcome, 2, 11)
  },
  {
    name: "OTV",
    meaning: "observed transaction vanishes",
    steps: [
      [1, write(1, 11)],
      [1, write(2, 19)],
      [2, write(1, 12)],
      [1, "commit"],
      [3, read("id = 1")],
      [2, write(2, 18)],
      [3, read("id = 2")],
      [2, "commit"],
      [3, read("id = 2")],
      [3, read("id = 1")],
      [3, "commit"]
    ],
    happened: ({ committed, reads }) => {
      const seen = reads[3].flat()
      const second = seen.findIndex((value) => value === 12 || value === 18)
      return committed.has(3) && second >= 0 && seen.slice(second).some((value) => value === 11 || value === 19)
    }
  },
  {
    name: "PMP",
    meaning: "predicate-many-preceders",
    steps: [
      [1, read("value = 30")],
      [2, "insert into test (id, value) values (3, 30)"],
      [2, "commit"],
      [1, divisible],
      [1, "commit"]
    ],
    happened: (outcome) => saw(outcome, 1, 30)
  },
  {
    name: "P4",
    meaning: "lost update",
    steps: [
      [1, read("id = 1")],
      [2, read("id = 1")],
      [1, write(1, 11)],
      [2, write(1, 11)],
      [1, "commit"],
      [2, "commit"]
    ],
    // Where the second one comes after the first, it has read what that one wrote.
    happened: (outcome) => both(outcome) && outcome.reads[2][0]?.[0] === 10
  },
  {
    name: "G-single",
    meaning: "read skew",
    steps: [
      [1, read("id = 1")],
      [2, read("id = 1")],
      [2, read("id = 2")],
      [2, write(1, 12)],
      [2, write(2, 18)],
      [2, "commit"],
      [1, read("id = 2")],
      [1, "commit"]
    ],
    happened: (outcome) => saw(outcome, 1, 10) && saw(outcome, 1, 18)
  },
  {
    name: "G2-item",
    meaning: "write skew",
    steps: [
      [1, read("id in (1, 2)")],
      [2, read("id in (1, 2)")],
      [1, write(1, 11)],
      [2, write(2, 21)],
      [1, "commit"],
      [2, "commit"]
    ],
    happened: (outcome) => both(outcome) && outcome.reads[2][0]?.[0] === 10
  },
  {
    name: "G2",
    meaning: "anti-dependency cycles",
    steps: [
      [1, divisible],
      [2, divisible],
      [1, "insert into test (id, value) values (3, 30)"],
      [2, "insert into test (id, value) values (4, 42)"],
      [1, "commit"],
      [2, "commit"]
    ],
    happened: (outcome) => both(outcome) && outcome.reads[2][0]?.length === 0
  }
]
