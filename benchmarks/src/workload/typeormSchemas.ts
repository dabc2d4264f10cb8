/**
 * The tables as TypeORM is told of them.
 */
import { EntitySchema } from "typeorm"

interface Item {
  id: number
  label: string
  amount: number
}
interface Account {
  aid: number
  bid: number
  balance: number
}
interface Teller {
  tid: number
  bid: number
  balance: number
}
interface Branch {
  bid: number
  balance: number
}
interface History {
  id: number
  tid: number
  bid: number
  aid: number
  delta: number
}

const integer = { type: "int" } as const
const key = { type: "int", primary: true } as const
const generated = { type: "int", primary: true, generated: true } as const
const text = { type: "text" } as const

export const item = new EntitySchema<Item>({
  name: "item",
  columns: { id: generated, label: text, amount: integer }
})
export const account = new EntitySchema<Account>({
  name: "account",
  columns: { aid: key, bid: integer, balance: integer }
})
export const teller = new EntitySchema<Teller>({
  name: "teller",
  columns: { tid: key, bid: integer, balance: integer }
})
export const branch = new EntitySchema<Branch>({ name: "branch", columns: { bid: key, balance: integer } })
export const history = new EntitySchema<History>({
  name: "history",
  columns: { id: generated, tid: integer, bid: integer, aid: integer, delta: integer }
})

const common = { id: key, small: integer, large: integer, title: text, body: text, mail: text } as const

export const wide = new EntitySchema<{ id: number }>({
  name: "wide",
  columns: {
    ...common,
    price: { type: "numeric" },
    ratio: { type: "float8" },
    active: { type: "boolean" },
    at: { type: "timestamptz" }
  } as never
})

export const wideOfSqlite = new EntitySchema<{ id: number }>({
  name: "wide",
  columns: { ...common, price: text, ratio: { type: "real" }, active: integer, at: text } as never
})
