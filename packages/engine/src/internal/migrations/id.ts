/**
 * The id in a migration's name, and the order of ids.
 *
 * An id is a number of any size (`1`, `0001`, `20240101120000`), or begins with one behind two letters at most (`v1.2`,
 * `2024-01-01`). Zeros in front of a number mean nothing. It ends at the first underscore.
 */
import { Order } from "effect"

/** What a name says. */
export interface Named {
  readonly id: string
  readonly name: string
  /** As it was written, where that is known. */
  readonly label?: string | undefined
}

const pattern = /^([A-Za-z]{0,2}[0-9][0-9A-Za-z.-]*)(?:_(.*))?$/s

/** Two ids that mean the same are the same text. */
export const canonical = (id: string): string => /^[0-9]+$/.test(id) ? id.replace(/^0+(?=.)/, "") : id

/** Reads `<id>_<name>`; `undefined`: there is no id. */
export const parseName = (text: string): Named | undefined => {
  const match = pattern.exec(text)
  return match === null ? undefined : { id: canonical(match[1]!), name: match[2] ?? "", label: text }
}

/** The id and the name as one. */
export const printName = ({ id, label, name }: Named): string => label ?? (name === "" ? id : `${id}_${name}`)

const runs = (id: string): ReadonlyArray<string> => id.match(/[0-9]+|[^0-9]+/g) ?? []

const isNumber = (run: string): boolean => /^[0-9]/.test(run)

const compareRuns = (a: string, b: string): -1 | 0 | 1 =>
  isNumber(a) && isNumber(b) ? Order.bigint(BigInt(a), BigInt(b)) : Order.string(a, b)

/** Numbers by their value, also inside of a text; everything else by its characters. Total. */
export const idOrder: Order.Order<string> = Order.make((a, b) => {
  const [left, right] = [runs(a), runs(b)]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareRuns(left[i]!, right[i]!)
    if (order !== 0) return order
  }
  return Order.number(left.length, right.length) || Order.string(a, b)
})
