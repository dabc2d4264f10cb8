/**
 * The parts of the explorer that need no database: telling what a statement touches, walking the orders, counting them.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import type { SqlSyntax } from "effect-sql-engine/SqlText"
import type { Footprint } from "../src/internal/interleavings/footprint.js"
import { both, everything, nothing, touching } from "../src/internal/interleavings/footprint.js"
import { classOf, switches } from "../src/internal/interleavings/linear.js"
import { type Catalog, reader, type Relation } from "../src/internal/interleavings/postgresFootprint.js"
import { dependent, type Step } from "../src/internal/interleavings/step.js"
import { Tree } from "../src/internal/interleavings/tree.js"

/** The rules of PostgreSQL. */
const syntax: SqlSyntax = {
  blanks: " \t\n\r\f\v",
  lineEnds: "\n\r",
  nestedComments: true,
  stringPrefixes: "ebnxu",
  continuedStrings: true,
  dollarQuotes: true,
  nameQuotes: "",
  parameters: "numbered",
  bodies: "routine"
}

const plain = (name: string, more: Partial<Relation> = {}): Relation => ({
  name,
  plain: true,
  expressions: [],
  parents: [],
  children: [],
  ...more
})

const catalog: Catalog = {
  relations: [
    plain("shop", { children: ["item"] }),
    plain("item", { parents: ["shop"], children: ["part"], expressions: ["nextval('item_id_seq'::regclass)"] }),
    plain("part", { parents: ["item"] }),
    plain("note", { expressions: ["now()", "CHECK ((length(text) > 0))"] }),
    plain("odd", { expressions: ["audit()"] }),
    plain("twice"),
    plain("twice"),
    plain("seen", { plain: false })
  ],
  keywords: ["in", "values", "exists", "coalesce", "check", "and", "as"],
  pure: ["count", "length", "now", "sum", "pg_relation_size", "txid_current"],
  functions: ["audit"],
  hidden: false
}

describe("what a statement of PostgreSQL touches", () => {
  const read = reader(catalog, syntax)
  const sets = (footprint: Footprint) =>
    footprint.all
      ? "everything"
      : [[...footprint.reads].sort(), [...footprint.shares].sort(), [...footprint.writes].sort()]

  it.each<[sql: string, expected: unknown]>([
    ["select * from shop s join item i on i.shop_id = s.id", [["item", "shop"], [], []]],
    ["select count(*) from \"shop\" where name in ('item')", [["shop"], [], []]],
    ["select * from shop for update of shop", [[], [], ["shop"]]],
    ["select * from shop for no key update", [[], [], ["shop"]]],
    ["select * from shop for key share", [[], ["shop"], []]],
    ["with s as (select 1) select * from shop, s", [["shop"], [], []]],
    ["insert into part (item_id) values (1)", [[], ["item", "shop"], ["part"]]],
    ["insert into item (shop_id) values (1)", [[], ["shop"], ["item", "sequence item_id_seq"]]],
    ["update item set shop_id = 1", [[], ["shop"], ["item", "part", "sequence item_id_seq"]]],
    // The name of a column that is a table's as well is taken for the table's.
    ["update item set shop = 1", [[], ["shop"], ["item", "part", "sequence item_id_seq", "shop"]]],
    ["delete from shop where id = 1", [[], [], ["item", "part", "sequence item_id_seq", "shop"]]],
    ["with gone as (delete from note returning *) select * from gone", [[], [], ["note"]]],
    ["insert into note (text) values (coalesce('a', ''))", [[], [], ["note"]]],
    ["values (1), (2);", [[], [], []]],
    ["select /* /* */ ' */ 1 from shop where '' = ''", [["shop"], [], []]]
  ])("%s", (sql, expected) => {
    const found = sets(read(sql))
    expect(found).toEqual(expected)
  })

  it.each([
    "select audit()",
    "select s.audit from shop s",
    "select pg_advisory_lock(1)",
    "select txid_current()",
    "select * from pg_stat_activity",
    "select * from seen",
    "select * from twice",
    "insert into odd values (1)",
    "select * into copy from shop",
    "select 1; delete from shop",
    "merge into shop using item on true when matched then delete",
    "truncate shop",
    "lock table shop",
    "set local lock_timeout = 1",
    "create table x ()",
    "select * from U&\"sh\\006fp\"",
    "select * from shop for update skip locked",
    "select * from shop for share nowait",
    "explain analyze delete from shop",
    "begin"
  ])("%s: everything, for all we know", (sql) => {
    expect(read(sql)).toBe(everything)
  })

  it("is everything where an operator or a domain may hide a function", () => {
    expect(reader({ ...catalog, hidden: true }, syntax)("select 1")).toBe(everything)
  })
})

const step = (program: number, own: Footprint, more: Partial<Step> = {}): Step => ({
  program,
  kind: "statement",
  own,
  transaction: own,
  snapshot: false,
  fixed: false,
  serializable: false,
  edge: false,
  waiting: undefined,
  signature: "",
  ...more
})

describe("two steps", () => {
  const reads = touching({ reads: ["t"] })
  const writes = touching({ writes: ["t"] })
  const other = touching({ writes: ["u"] })
  const commit = (program: number, transaction: Footprint, more: Partial<Step> = {}) =>
    step(program, nothing, { kind: "commit", transaction, ...more })

  it.each<[what: string, a: Step, b: Step, expected: boolean]>([
    ["two reads", step(0, reads), step(1, reads), false],
    ["a read and a write that is not committed", step(0, reads), step(1, writes), false],
    ["two writes of one table", step(0, writes), step(1, writes), true],
    ["two writes of two tables", step(0, writes), step(1, other), false],
    [
      "two writes that may wait for each other's transactions",
      step(0, writes, { transaction: both(writes, other) }),
      step(1, other, { transaction: both(writes, other) }),
      true
    ],
    [
      "two writes of which one may wait for the other's transaction",
      step(0, writes),
      step(1, other, { transaction: both(writes, other) }),
      false
    ],
    ["a read and the COMMIT of what it reads", step(0, reads), commit(1, writes), true],
    ["a read and the COMMIT of something else", step(0, reads), commit(1, other), false],
    ["a read in an older snapshot and a COMMIT", step(0, reads, { fixed: true }), commit(1, writes), false],
    ["a write in an older snapshot and a COMMIT", step(0, writes, { fixed: true }), commit(1, writes), true],
    ["the taking of a snapshot and any COMMIT", step(0, reads, { snapshot: true }), commit(1, other), true],
    ["the taking of a snapshot and a COMMIT of nothing", step(0, reads, { snapshot: true }), commit(1, reads), false],
    ["two COMMITs of one table", commit(0, writes), commit(1, writes), true],
    ["two COMMITs of two tables", commit(0, writes), commit(1, other), false],
    ["a lone write and a read", step(0, writes, { kind: "lone" }), step(1, reads), true],
    ["a lone read and a write that is not committed", step(0, reads, { kind: "lone" }), step(1, writes), false],
    ["a RELEASE and a COMMIT", step(0, nothing, { kind: "release" }), commit(1, writes), false],
    ["a ROLLBACK TO and a write", step(0, nothing, { kind: "rollbackTo", transaction: writes }), step(1, writes), true],
    ["everything and nothing", step(0, everything), step(1, nothing), true],
    ["a COMMIT of everything and nothing", commit(0, everything), step(1, nothing), true],
    ["a statement that may let go of one that writes", step(0, other, { waiting: writes }), step(1, writes), true],
    ["two serializable reads", step(0, reads, { serializable: true }), step(1, reads, { serializable: true }), false],
    [
      "a serializable read and a write that is not committed",
      step(0, reads, { serializable: true }),
      step(1, writes, { serializable: true }),
      true
    ],
    [
      "a serializable COMMIT and anything serializable",
      commit(0, other, { serializable: true }),
      step(1, reads, { serializable: true }),
      true
    ],
    [
      "a serializable read that meets the past and another one",
      step(0, reads, { serializable: true, edge: true }),
      step(1, other, { serializable: true }),
      true
    ],
    ["a serializable COMMIT and a read that is not", commit(0, other, { serializable: true }), step(1, reads), false]
  ])("%s", (_, a, b, expected) => {
    expect([dependent(a, b), dependent(b, a)]).toEqual([expected, expected])
  })

  it("of one program never change places", () => {
    expect(dependent(step(0, nothing), step(0, nothing))).toBe(true)
  })
})

/** Programs on variables: each step reads one, or writes what its program has read so far, and a number of its own. */
type Deed = { readonly variable: "x" | "y" | "z"; readonly writes: boolean }
type Programs = ReadonlyArray<ReadonlyArray<Deed>>

const own = ({ variable, writes }: Deed) => touching(writes ? { writes: [variable] } : { reads: [variable] })

/** Walks all orders; what they lead to, and what they stand for. */
const walk = (programs: Programs, prune: boolean) => {
  const tree = new Tree(prune)
  const endings = new Set<string>()
  const traces = new Set<string>()
  let [explored, cut, covered] = [0, 0, 0]
  do {
    const store: Record<string, string> = { x: "", y: "", z: "" }
    const seen = programs.map(() => "")
    const at = programs.map(() => 0)
    const run: Array<{ step: Step; ready: ReadonlyArray<Step>; released: [] }> = []
    let ended = false
    while (!ended) {
      const ready = programs.flatMap((deeds, program) => {
        const deed = deeds[at[program]!]
        return deed === undefined
          ? []
          : [step(program, own(deed), { kind: "lone", signature: `${program} ${at[program]}` })]
      })
      if (ready.length === 0) break
      const chosen = tree.choose(run.length, ready)
      ended = typeof chosen !== "number"
      if (typeof chosen !== "number") break
      const deed = programs[chosen]![at[chosen]!]!
      if (deed.writes) store[deed.variable] = `${chosen}${at[chosen]}(${seen[chosen]})`
      else seen[chosen] += `[${store[deed.variable]}]`
      at[chosen]!++
      run.push({ step: ready.find(({ program }) => program === chosen)!, ready, released: [] })
    }
    if (ended) cut++
    else {
      explored++
      endings.add(JSON.stringify([store, seen]))
      const known = classOf(run)!
      covered += known.size
      traces.add(known.smallest.join(""))
    }
  } while (tree.advance())
  return { endings: [...endings].sort(), traces, explored, cut, covered }
}

const deeds = fc.array(
  fc.record({ variable: fc.constantFrom("x" as const, "y" as const, "z" as const), writes: fc.boolean() }),
  { maxLength: 4 }
)

/** No more steps than can be put in order in every way, many times. */
const few = (programs: Programs) => programs.reduce((sum, { length }) => sum + length, 0) <= 7

describe("the walk through all orders", () => {
  it("reaches what every single order reaches, runs no two equal orders, and counts the others exactly", () => {
    let [pruned, all] = [0, 0]
    fc.assert(
      fc.property(fc.array(deeds, { minLength: 1, maxLength: 3 }).filter(few), (programs) => {
        const once = walk(programs, true)
        const every = walk(programs, false)
        expect(once.endings).toEqual(every.endings)
        expect(once.covered).toBe(every.explored)
        expect(once.explored).toBe(every.traces.size)
        expect(once.traces).toEqual(every.traces)
        pruned += once.explored + once.cut
        all += every.explored
      }),
      { seed: 7, numRuns: 300 }
    )
    expect(pruned).toBeLessThan(all / 3)
  })

  it("runs programs that have nothing in common once", () => {
    const alone = (variable: Deed["variable"]) => Array.from({ length: 5 }, () => ({ variable, writes: true }))
    expect(walk([alone("x"), alone("y"), alone("z")], true)).toMatchObject({ explored: 1, cut: 0, covered: 756_756 })
  })

  it("says so when steps differ each time, and walks on when they did once", () => {
    const tree = new Tree(true)
    const pair = (name: string) => [step(0, everything, { signature: name }), step(1, everything, { signature: "b" })]
    expect([tree.choose(0, pair("a")), tree.choose(1, [step(1, everything, { signature: "b" })])]).toEqual([0, 1])
    expect(tree.advance()).toBe(true)
    expect(tree.choose(0, pair("other"))).toBe(0)
    const found = Array.from({ length: 6 }, (_, at) => tree.choose(0, pair(`mood ${at}`)))
    expect(found.at(-1)).toMatchObject({ _tag: "Divergence", depth: 0 })
  })
})

describe("the smallest of equal orders", () => {
  it("has the fewest turns of all, and of those comes first", () => {
    fc.assert(
      fc.property(fc.array(deeds, { minLength: 2, maxLength: 3 }).filter(few), (programs) => {
        // Each order of a class leads to the same one.
        const { traces } = walk(programs, false)
        for (const trace of walk(programs, true).traces) expect(traces).toContain(trace)
      }),
      { seed: 8, numRuns: 50 }
    )
    const x = touching({ writes: ["x"] })
    const y = touching({ writes: ["y"] })
    const order = [step(1, y), step(0, x), step(1, y), step(0, x)].map((one) => ({
      step: one,
      ready: [],
      released: []
    }))
    expect(classOf(order)).toEqual({ size: 6, smallest: [0, 0, 1, 1], switches: 1 })
    expect(switches([0, 1, 0, 0, 1])).toBe(3)
  })
})
