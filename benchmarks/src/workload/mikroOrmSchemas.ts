/**
 * The tables as MikroORM is told of them.
 */
import { EntitySchema, type Opt } from "@mikro-orm/core"

export class Item {
  id!: Opt<number>
  label!: string
  amount!: number
}
export class Account {
  aid!: number
  bid!: number
  balance!: number
}
export class Teller {
  tid!: number
  bid!: number
  balance!: number
}
export class Branch {
  bid!: number
  balance!: number
}
export class History {
  id!: Opt<number>
  tid!: number
  bid!: number
  aid!: number
  delta!: number
}
export class Wide {
  id!: number
}

const integer = { type: "integer" } as const
const key = { type: "integer", primary: true, autoincrement: false } as const
const generated = { type: "integer", primary: true } as const
const text = { type: "text" } as const
const common = { id: key, small: integer, large: integer, title: text, body: text, mail: text }

const make = (target: object, tableName: string, properties: object) =>
  new EntitySchema({ class: target, tableName, properties } as never)

const shared = [
  make(Item, "item", { id: generated, label: text, amount: integer }),
  make(Account, "account", { aid: key, bid: integer, balance: integer }),
  make(Teller, "teller", { tid: key, bid: integer, balance: integer }),
  make(Branch, "branch", { bid: key, balance: integer }),
  make(History, "history", { id: generated, tid: integer, bid: integer, aid: integer, delta: integer })
]

export const entities = [
  ...shared,
  make(Wide, "wide", {
    ...common,
    price: { type: "decimal" },
    ratio: { type: "double" },
    active: { type: "boolean" },
    at: { type: "datetime" }
  })
]

export const entitiesOfSqlite = [
  ...shared,
  make(Wide, "wide", { ...common, price: text, ratio: { type: "double" }, active: integer, at: text })
]
