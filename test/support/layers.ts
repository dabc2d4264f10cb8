/**
 * An order of modules, and the imports that go against it.
 */
import { posix } from "node:path"

/** Who imports whom: the files of a folder by their path in it, without extension, each with its relative imports. */
export type Imports = ReadonlyMap<string, ReadonlyArray<string>>

const isInternal = (module: string) => module.startsWith("internal/")

/** The path in the folder that a relative import of a module means. */
export const target = (from: string, specifier: string): string =>
  posix.join(posix.dirname(from), specifier).replace(/\.js$/, "")

/** The public modules that a module needs: directly, or through internal ones. */
const needs = (imports: Imports, module: string): ReadonlySet<string> => {
  const reached = new Set<string>()
  const seen = new Set<string>()
  const walk = (at: string) => {
    for (const next of imports.get(at) ?? []) {
      if (!isInternal(next)) reached.add(next)
      else if (!seen.has(next)) {
        seen.add(next)
        walk(next)
      }
    }
  }
  walk(module)
  return reached
}

/**
 * Every import that does not point down, as `Upper <- Lower`, and every public module without a place in the order.
 * `index` stands above all. A module may be reached through internal ones: `Pool -> internal/pool/x -> Session` is as
 * wrong as `Pool -> Session`.
 */
export const violations = (order: ReadonlyArray<string>, imports: Imports): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const module of imports.keys()) {
    if (isInternal(module) || module === "index") continue
    const floor = order.indexOf(module)
    if (floor === -1) {
      found.push(`${module} has no place in the order`)
      continue
    }
    for (const needed of needs(imports, module)) {
      if (needed !== module && order.indexOf(needed) >= floor) {
        found.push(`${module} imports ${needed}, which is not below it`)
      }
      if (needed === "index") found.push(`${module} imports index`)
    }
  }
  return found
}
