/**
 * In which order writes are sent: as they were enqueued, but that neighbours of one kind go together.
 *
 * A write joins the last run of its kind, when nothing in between could tell the difference: no write of a related table,
 * and none whose row it refers to. Within a run, inserts go parents first and deletes children first. So any number of
 * inserts in any order of tables is one run, and one statement a table; and a program that deletes a row to insert another
 * with the same name gets what it wrote.
 *
 * Plain data and decisions; `flush.ts` sends.
 */
import type { Layout } from "../repository/layout.js"
import { parentsFirst } from "../table/order.js"
import type { Deletion, Entry, Insertion, Reference, Update } from "./entry.js"
import { referencesOf } from "./entry.js"
import { Kinship } from "./kinship.js"

/** The writes of one table that go together. */
export interface Group<E extends Entry> {
  readonly layout: Layout
  readonly writes: ReadonlyArray<E>
}

/** Writes of one kind, by table, in order. */
export type Run =
  /** `deferred`: some of these tables refer to each other by foreign keys that can wait, and do not unless told. */
  | { readonly kind: "insert"; readonly groups: ReadonlyArray<Group<Insertion>>; readonly deferred: boolean }
  | { readonly kind: "update"; readonly groups: ReadonlyArray<Group<Update>> }
  | { readonly kind: "delete"; readonly groups: ReadonlyArray<Group<Deletion>>; readonly deferred: boolean }

interface Draft {
  readonly kind: Entry["kind"]
  readonly writes: Array<Entry>
  readonly members: Set<Entry>
  readonly layouts: Set<Layout>
}

const blocks = (draft: Draft, entry: Entry, needed: ReadonlyArray<Reference>, kinship: Kinship): boolean => {
  for (const layout of draft.layouts) if (kinship.related(layout.table, entry.layout.table)) return true
  return needed.some(({ of }) => draft.members.has(of))
}

const drafts = (entries: ReadonlyArray<Entry>, kinship: Kinship): ReadonlyArray<Draft> => {
  const all: Array<Draft> = []
  for (const entry of entries) {
    const needed = referencesOf(entry)
    let at = all.length - 1
    while (at >= 0 && all[at]!.kind !== entry.kind) at = blocks(all[at]!, entry, needed, kinship) ? -1 : at - 1
    let draft = all[at]
    if (draft === undefined) all.push(draft = { kind: entry.kind, writes: [], members: new Set(), layouts: new Set() })
    draft.writes.push(entry)
    draft.members.add(entry)
    draft.layouts.add(entry.layout)
  }
  return all
}

const runOf = ({ kind, layouts, writes }: Draft, kinship: Kinship): Run => {
  const all = [...layouts]
  const { circle, order } = parentsFirst(all, (layout) => {
    const parents = kinship.parents(layout.table)
    return all.filter(({ table }) => parents.includes(table))
  })
  const groups = (kind === "delete" ? [...order].reverse() : order).map((layout) => ({
    layout,
    writes: writes.filter((write) => write.layout === layout) as Array<any>
  }))
  const deferred = all.some((layout) =>
    layout.table.rules.references.some((reference) => {
      const target = kinship.target(layout.table, reference)
      const to = all.find(({ table }) => table === target)
      return reference.deferrable === "initially immediate" && to !== undefined && to !== layout &&
        circle.get(to) === circle.get(layout)
    })
  )
  return { kind, groups, deferred } as Run
}

/** The runs in which writes are sent. */
export const plan = (entries: ReadonlyArray<Entry>): ReadonlyArray<Run> => {
  const kinship = new Kinship([...new Set(entries.map(({ layout }) => layout.table))])
  return drafts(entries, kinship).map((draft) => runOf(draft, kinship))
}
