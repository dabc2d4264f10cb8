/**
 * The packages as a user's package manager and bundler see them.
 */
import { describe, expect, it } from "vitest"
import { imports, json, packages, sources } from "./support/workspace.js"
import type { Manifest } from "./support/workspace.js"

const workspace = json<Manifest>("package.json")
const manifests = packages.map((folder) => ({ folder, manifest: json<Manifest>(`${folder}/package.json`) }))
const ours = new Set(manifests.map((_) => _.manifest.name))

const isPeer = (name: string) => name === "effect" || name.startsWith("@effect/")

/** The package that an import comes from. */
const packageOf = (specifier: string) =>
  specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0] ?? specifier

/** Whether `^a.b.c` or `~a.b.c` takes a version; below 1.0.0 both stay within a minor version. */
const takes = (range: string, version: string) => {
  const wanted = /^[~^](\d+)\.(\d+)\.(\d+)$/.exec(range)?.slice(1).map(Number)
  const [major = -1, minor = -1, patch = -1] = version.split(".").map(Number)
  if (wanted === undefined) return false
  const [a = 0, b = 0, c = 0] = wanted
  const fixedMinor = range.startsWith("~") || a === 0
  return major === a && (minor === b ? patch >= c : !fixedMinor && minor > b)
}

describe.each(manifests)("$folder", ({ folder, manifest }) => {
  it("is an ES module under the MIT license that ships its build and its sources", () => {
    const files = manifest.bin === undefined ? ["dist", "src"] : ["bin", "dist", "src"]
    expect(manifest).toMatchObject({ type: "module", license: "MIT", files })
    expect(manifest.private).toBeUndefined()
  })

  it("has no side effects", () => {
    expect(manifest.sideEffects).toEqual([])
  })

  it("exports its index and its public modules, and nothing internal", () => {
    expect(manifest.exports).toEqual({
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
      "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" },
      "./internal/*": null
    })
  })

  it("leaves effect and @effect/* to its user, and brings nothing else as a peer", () => {
    expect(Object.keys(manifest.dependencies ?? {}).filter(isPeer)).toEqual([])
    expect(Object.keys(manifest.peerDependencies ?? {}).filter((_) => !isPeer(_))).toEqual([])
    expect(manifest.peerDependencies).toHaveProperty("effect")
  })

  it("accepts the versions of its peers that the tests run with", () => {
    const refused = Object.entries(manifest.peerDependencies ?? {}).filter(([name, range]) =>
      !takes(range, workspace.devDependencies?.[name] ?? "none")
    )
    expect(refused).toEqual([])
  })

  it("pins what it depends on", () => {
    const all = { ...manifest.dependencies, ...manifest.optionalDependencies }
    const loose = Object.entries(all).filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range))
    expect(loose).toEqual([])
  })

  it("declares every package that its sources import", () => {
    const declared = new Set(
      Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies })
    )
    const undeclared = sources(`${folder}/src`).flatMap((file) =>
      imports(file)
        .filter((_) => !_.startsWith(".") && !_.startsWith("node:") && !declared.has(packageOf(_)))
        .map((_) => `${file} imports ${_}`)
    )
    expect(undeclared).toEqual([])
  })
})

describe("the packages together", () => {
  it("ask for one range of each peer", () => {
    const ranges = new Map<string, Set<string>>()
    for (const { manifest } of manifests) {
      for (const [name, range] of Object.entries(manifest.peerDependencies ?? {})) {
        ranges.set(name, (ranges.get(name) ?? new Set()).add(range))
      }
    }
    expect(ranges.size).toBeGreaterThan(0)
    expect([...ranges].filter(([, asked]) => asked.size > 1)).toEqual([])
  })

  it("depend on each other only downwards: all of them on effect-sql-engine, and only the command on drivers", () => {
    const dependencies = manifests.flatMap(({ manifest }) =>
      Object.keys(manifest.dependencies ?? {}).filter((_) => ours.has(_)).map((_) => `${manifest.name} -> ${_}`)
    )
    const optional = manifests.flatMap(({ manifest }) =>
      Object.keys(manifest.optionalDependencies ?? {}).map((_) => `${manifest.name} -> ${_}`)
    )
    expect(optional).toEqual([
      "effect-sql-engine-cli -> effect-sql-engine-pg",
      "effect-sql-engine-cli -> effect-sql-engine-sqlite"
    ])
    expect(dependencies.filter((_) => !_.endsWith(" -> effect-sql-engine"))).toEqual([])
    expect(dependencies).not.toContain("effect-sql-engine -> effect-sql-engine")
  })
})

describe("a range", () => {
  it("takes newer patches, and newer minors only from 1.0.0 on", () => {
    expect([
      takes("^3.22.4", "3.22.4"),
      takes("^3.22.4", "3.23.0"),
      takes("^0.52.1", "0.52.3"),
      takes("~0.53.0", "0.53.0")
    ]).toEqual([true, true, true, true])
    expect([
      takes("^3.22.4", "3.22.3"),
      takes("^3.22.4", "4.0.0"),
      takes("^0.52.1", "0.53.0"),
      takes("~3.22.0", "3.23.0"),
      takes(">=3", "3.22.4")
    ]).toEqual([false, false, false, false, false])
  })
})
