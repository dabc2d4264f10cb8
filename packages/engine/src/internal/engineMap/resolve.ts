/**
 * From what a caller asks a map for to the key of an engine and how to make it. Asking for the same again is cheap: a
 * text, or an object that has not changed, is not read twice.
 */
import { Either, Redacted } from "effect"
import type { EngineDriver, EngineOptions } from "../../Engine.js"
import { engineOptions } from "../../EngineConfig.js"
import type { Input } from "../../EngineUrl.js"
import { isEngineUrl } from "../../EngineUrl.js"
import type { Choice, ChoiceFailure } from "../config/choose.js"
import { choose } from "../config/choose.js"
import type { EngineKey } from "./key.js"
import { canonicalOf, copyOf, keyOf, unchanged } from "./key.js"

/** What was asked for, read. */
export interface Resolved {
  readonly key: EngineKey
  readonly canonical: string
  readonly choice: Choice<EngineDriver>
}

type Reading = Either.Either<Resolved, ChoiceFailure>

/** The most texts that are remembered. */
const remembered = 1000

const isAddress = (target: unknown): target is Input =>
  typeof target !== "object" || target === null || isEngineUrl(target) || Redacted.isRedacted(target) ||
  target instanceof URL

const isGroup = (u: unknown): u is object => typeof u === "object" && u !== null && !Array.isArray(u)

/** What a target says goes before what holds for all; groups of options are merged. */
const over = (defaults: object, own: object): Record<string, unknown> => {
  const both: Record<string, unknown> = { ...defaults }
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined) continue
    const before = both[name]
    both[name] = isGroup(value) && isGroup(before) && !Redacted.isRedacted(value) ? { ...before, ...value } : value
  }
  return both
}

export class Resolver {
  private readonly texts = new Map<string, Reading>()
  private readonly objects = new WeakMap<object, { readonly copy: unknown; readonly reading: Reading }>()

  constructor(private readonly drivers: ReadonlyArray<EngineDriver>, private readonly defaults: EngineOptions) {}

  read(target: unknown): Reading {
    if (typeof target === "string") {
      const known = this.texts.get(target)
      if (known !== undefined) return known
      const reading = this.resolve(target, {})
      if (this.texts.size >= remembered) this.texts.clear()
      this.texts.set(target, reading)
      return reading
    }
    if (typeof target !== "object" || target === null) return this.resolve(target, {})
    const known = this.objects.get(target)
    // An object that was changed since is another configuration.
    if (known !== undefined && unchanged(known.copy, target)) return known.reading
    const { url, ...options } = isAddress(target) ? { url: target } : target as { readonly url?: unknown }
    const reading = this.resolve(url, options)
    this.objects.set(target, { copy: target instanceof URL ? undefined : copyOf(target), reading })
    return reading
  }

  private resolve(url: unknown, options: object): Reading {
    return Either.map(choose(url, this.drivers, over(this.defaults, options), engineOptions), (choice) => {
      const key = keyOf(choice.driver.name, choice.url, choice.options)
      return { key, canonical: canonicalOf(key), choice }
    })
  }
}
