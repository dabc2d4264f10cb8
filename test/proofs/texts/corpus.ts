/**
 * Texts made of the forms of a database: places filled, statements behind each other, and what mutates them.
 */
import { FastCheck as fc } from "effect"
import type { Chance } from "../../support/proof.js"

/** What the texts of a database are made of. */
export interface Grammar {
  readonly forms: ReadonlyArray<string>
  readonly strings: ReadonlyArray<string>
  readonly names: ReadonlyArray<string>
  readonly gaps: ReadonlyArray<string>
  readonly numbers: ReadonlyArray<string>
  readonly pieces: ReadonlyArray<string>
}

/** Stands in every string of a text, and in nothing else. */
export const marker = "hunter2"

/** Stands in every number of a text, and in nothing else. */
export const digits = "8675309"

/** Fills the places of a form. */
export const fill = (form: string, grammar: Grammar, chance: Chance): string => {
  const one = (kind: string): string => {
    switch (kind) {
      case "s":
        return fill(chance.pick(grammar.strings), grammar, chance)
      case "i":
        return chance.pick(grammar.names)
      case "g":
        return fill(chance.pick(grammar.gaps), grammar, chance)
      case "n":
        return fill(chance.pick(grammar.numbers), grammar, chance)
      case "m":
        return marker
      case "d":
        return digits
      case "e":
        return "30"
      default:
        return "note"
    }
  }
  return form.replace(/\{([a-z])\}/g, (_, kind: string) => one(kind))
}

/** A text of one to four statements, as a file may have them: with gaps, empty statements, and no semicolon at the end. */
export const text = (grammar: Grammar, chance: Chance, form = chance.pick(grammar.forms)): string => {
  const gap = () => fill("{g}", grammar, chance)
  let whole = chance.below(3) === 0 ? gap() : ""
  whole += fill(form, grammar, chance)
  for (let more = chance.below(4); more > 0; more--) {
    whole += `${chance.below(3) === 0 ? gap() : ""};${chance.below(4) === 0 ? ";" : ""}${gap()}`
    whole += fill(chance.pick(grammar.forms), grammar, chance)
  }
  return chance.below(2) === 0 ? `${whole};${chance.below(2) === 0 ? gap() : ""}` : whole
}

/** Cuts, repeats and puts in, at any place of a text. */
export const mutations = (grammar: Grammar) =>
  fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      deleted: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 6 }) }),
      put: fc.constantFrom("", ...grammar.pieces)
    }),
    { minLength: 1, maxLength: 4 }
  )

type Mutation = { readonly at: number; readonly deleted: number; readonly put: string }

/** Applies mutations. */
export const mutated = (text: string, all: ReadonlyArray<Mutation>): string =>
  all.reduce((text, { at, deleted, put }) => {
    const from = Math.floor(at * text.length)
    return text.slice(0, from) + put + text.slice(from + deleted)
  }, text)
