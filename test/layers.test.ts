/**
 * The modules of packages/engine/src stand on each other in one order, and nothing else stands under them.
 * Import cycles and the walls between packages are the linter's; what it cannot say is here.
 */
import { describe, expect, it } from "vitest"
import { target, violations } from "./support/layers.js"
import type { Imports } from "./support/layers.js"
import { imports, json, packages, sources } from "./support/workspace.js"
import type { Manifest } from "./support/workspace.js"

/** From the ground up: a module imports only what stands before it. */
const order = [
  "SqlFailure",
  "EngineUrl",
  "SqlText",
  "Dialect",
  "Driver",
  "Pool",
  "Interception",
  "Session",
  "EngineConfig",
  "Engine",
  "EngineMap",
  "Table",
  "Tables",
  "Database",
  "Mutex",
  "Migrations",
  "Seed",
  "Health",
  "EngineHttp",
  "Repository",
  "EngineMetrics",
  "EngineLog"
]

const engine = "packages/engine/src"

const engineImports: Imports = new Map(
  sources(engine).map((file) => {
    const module = file.slice(engine.length + 1, -".ts".length)
    return [module, imports(file).filter((_) => _.startsWith(".")).map((_) => target(module, _))] as const
  })
)

describe("packages/engine/src", () => {
  it("imports only downwards", () => {
    expect(engineImports.size).toBeGreaterThan(0)
    expect(violations(order, engineImports)).toEqual([])
  })

  it("imports nothing from outside but effect, @effect/sql, @effect/platform and @effect/experimental", () => {
    const outside = sources(engine).flatMap((file) =>
      imports(file)
        .filter((_) => !_.startsWith(".") && !/^(effect|@effect\/(sql|platform|experimental))(\/|$)/.test(_))
        .map((_) => `${file} imports ${_}`)
    )
    expect(outside).toEqual([])
  })
})

describe("the check of the order", () => {
  const check = (files: Record<string, ReadonlyArray<string>>) =>
    violations(["A", "B", "C"], new Map(Object.entries(files)))

  it("lets a module import from below, also through internal files", () => {
    expect(
      check({ A: [], B: ["internal/b"], "internal/b": ["A", "internal/c"], "internal/c": ["B"], index: ["A", "B"] })
    )
      .toEqual([])
  })

  it("refuses an import from above, direct or through internal files", () => {
    expect(check({ A: ["B"], B: [] })).toEqual(["A imports B, which is not below it"])
    expect(check({ A: ["internal/a"], "internal/a": ["internal/b"], "internal/b": ["C"], C: [] }))
      .toEqual(["A imports C, which is not below it"])
  })

  it("refuses a module that it does not know", () => {
    expect(check({ D: [] })).toEqual(["D has no place in the order"])
  })
})

describe("relative imports", () => {
  it.each(packages)("stay inside %s/src", (folder) => {
    const strays = sources(`${folder}/src`).flatMap((file) =>
      imports(file)
        .filter((_) => _.startsWith(".") && !target(file, _).startsWith(`${folder}/src/`))
        .map((_) => `${file} imports ${_}`)
    )
    expect(strays).toEqual([])
  })
})

describe("the examples", () => {
  const published = new Map(packages.map((folder) => [json<Manifest>(`${folder}/package.json`).name, folder]))

  /** Why a user could not write this import, if so. */
  const complaint = (file: string, specifier: string): string | undefined => {
    if (specifier.startsWith(".")) {
      return target(file, specifier).startsWith("examples/src/") ? undefined : `${specifier} is outside of examples/src`
    }
    const [name = "", ...subpath] = specifier.split("/")
    const folder = published.get(name)
    if (folder === undefined) {
      return name.startsWith("effect-sql-engine") ? `${name} is no package` : undefined
    }
    const module = subpath.length === 0 ? "index" : subpath.join("/")
    return !module.startsWith("internal/") && sources(`${folder}/src`).includes(`${folder}/src/${module}.ts`)
      ? undefined
      : `${specifier} is no entry point of ${name}`
  }

  it("import only public entry points", () => {
    const complaints = sources("examples/src").flatMap((file) =>
      imports(file).flatMap((_) => complaint(file, _) ?? []).map((_) => `${file}: ${_}`)
    )
    expect(complaints).toEqual([])
  })

  it("would not get away with an internal module, a missing one or a source", () => {
    const refused = [
      "effect-sql-engine/internal/failure/facts",
      "effect-sql-engine/NoSuchModule",
      "effect-sql-engine-nosuch",
      "../../packages/engine/src/Driver.js"
    ]
    expect(refused.filter((_) => complaint("examples/src/demo.ts", _) === undefined)).toEqual([])
    expect(complaint("examples/src/demo.ts", "effect-sql-engine/SqlFailure")).toBeUndefined()
  })
})
