/**
 * What must hold for the repository as a whole: one Effect of the third line, and nothing of any one machine.
 */
import { describe, expect, it } from "vitest"
import { json, read, trackedFiles } from "./support/workspace.js"

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>
}

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const locked = Object.entries(json<Lock>("package-lock.json").packages)

describe("package-lock.json", () => {
  it("holds effect once, of the line 3", () => {
    const versions = locked.filter(([path]) => /(^|\/)node_modules\/effect$/.test(path)).map(([, _]) => _.version)
    expect(versions).toEqual([expect.stringMatching(/^3\.\d+\.\d+$/)])
  })

  it("holds nothing that asks for another effect than 3", () => {
    const asking = locked.flatMap(([path, { peerDependencies }]) => {
      const range = peerDependencies?.["effect"]
      return range === undefined ? [] : [{ path, range }]
    })
    expect(asking.length).toBeGreaterThan(0)
    expect(asking.filter(({ range }) => !/^[~^]?3\.\d+\.\d+$/.test(range))).toEqual([])
  })

  it("holds each package of @effect once", () => {
    const names = locked.flatMap(([path]) => /node_modules\/(@effect\/[^/]+)$/.exec(path)?.[1] ?? [])
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it("holds the packages of every platform, without which `npm ci` fails on all of them", () => {
    const paths = new Set(locked.map(([path]) => path))
    const optional = locked.flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).map((name) => ({ path, name }))
    )
    expect(optional.length).toBeGreaterThan(0)
    expect(
      optional.filter(({ name, path }) =>
        !paths.has(`node_modules/${name}`) && !paths.has(`${path}/node_modules/${name}`)
      )
    )
      .toEqual([])
  })

  it("says nowhere where a package was downloaded from", () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined && /^[a-z+]+:/.test(resolved))).toEqual([])
    expect(read("package-lock.json")).not.toContain("\"resolved\": \"http")
  })
})

describe("the files under version control", () => {
  // Absolute paths of the machines this is developed on; written apart, so that this file holds none itself.
  const machinePath = new RegExp(`(?<![\\w.~$})-])/(?:${["work", "root", "farm"].join("|")})/`)
  const registry = new RegExp(
    `\\b${"registry"}\\.[a-z0-9-]+\\.[a-z]{2,}|//[^\\s"']*/(?:npm-${"registry"}|artifactory)\\b`,
    "i"
  )
  const configured = process.env["npm_config_registry"]?.replace(/^https?:\/\//, "").replace(/\/$/, "")

  const texts = trackedFiles().flatMap((file) => {
    const text = read(file)
    return text.includes("\0") ? [] : [{ file, lines: text.split("\n") }]
  })

  const offenders = (offends: (line: string) => boolean) =>
    texts.flatMap(({ file, lines }) => lines.flatMap((line, i) => offends(line) ? [`${file}:${i + 1}`] : []))

  it("are found", () => {
    expect(texts.map((_) => _.file)).toEqual(expect.arrayContaining(["package.json", "package-lock.json"]))
  })

  it("name no path of a machine", () => {
    expect(offenders((line) => machinePath.test(line))).toEqual([])
  })

  it("name no package registry", () => {
    expect(offenders((line) => registry.test(line) || (configured !== undefined && line.includes(configured)))).toEqual(
      []
    )
  })

  it("skip no test and focus none", () => {
    const evasion = /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf|fails)\b/
    expect(offenders((line) => evasion.test(line))).toEqual([])
  })

  it("would be caught: the patterns see what they are for, and leave the rest alone", () => {
    const caught = [`cd ${"/"}work/main`, `"file:///${"root"}/x"`, `(${"/"}farm/cache)`]
    expect(caught.filter((line) => !machinePath.test(line))).toEqual([])
    // Written in halves, so that this file itself holds none.
    const allowed = [".|work/main", "src|root/x", "https://example.com|work/x", "${root}|root/x", "..|farm/"].map((
      text
    ) => text.replace("|", "/"))
    expect(allowed.filter((line) => machinePath.test(line))).toEqual([])
    expect(registry.test(`https://${"registry"}.npmjs.org/effect`)).toBe(true)
    expect(registry.test("https://www.npmjs.com/package/effect")).toBe(false)
  })
})
