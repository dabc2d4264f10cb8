/**
 * What a process is like with the packages in it: importing them does nothing, and the end of `main` is the end.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Imported } from "./process/imports.js"
import type { Left } from "./process/sessions.js"
import { install, run } from "./support/installed.js"
import type { Installed } from "./support/installed.js"
import { json, packages, sources } from "./support/workspace.js"
import type { Manifest } from "./support/workspace.js"

let installed: Installed

beforeAll(() => {
  installed = install("test/process")
})

afterAll(() => installed?.remove())

const reportOf = <A>(file: string): A => JSON.parse(readFileSync(file, "utf8")) as A

/** The modules of a package that its users can import. */
const publicModules = (folder: string): ReadonlyArray<string> => {
  const { name } = json<Manifest>(`${folder}/package.json`)
  return sources(`${folder}/src`)
    .map((file) => file.slice(`${folder}/src/`.length, -".ts".length))
    .filter((module) => !module.startsWith("internal/"))
    .map((module) => module === "index" ? name : `${name}/${module}`)
}

describe("importing", () => {
  it.each(packages)("the modules of %s opens nothing, prints nothing, and lets the process end", async (folder) => {
    const modules = publicModules(folder)
    expect(modules.length).toBeGreaterThan(0)
    const report = join(installed.folder, `${folder.replace("/", "-")}.json`)
    expect(await run(join(installed.folder, "imports.js"), [report, ...modules])).toEqual({
      code: 0,
      stdout: "",
      stderr: ""
    })
    const { idleMillis, imported } = reportOf<{ imported: ReadonlyArray<Imported>; idleMillis: number }>(report)
    expect(imported).toEqual(modules.map((module) => ({ module, resources: [], files: 0 })))
    expect(idleMillis).toBeLessThan(1000)
  })
})

describe("leaving main", () => {
  it("leaves no timer and no socket: the process ends by itself", async () => {
    const report = join(installed.folder, "sessions.json")
    const database = join(installed.folder, "sessions.db")
    expect(await run(join(installed.folder, "sessions.js"), [report, database])).toEqual({
      code: 0,
      stdout: "",
      stderr: ""
    })
    const { committed, idleMillis, resources, rolledBack } = reportOf<Left>(report)
    expect({ committed, rolledBack }).toEqual({ committed: 10, rolledBack: 30 })
    expect(resources).toEqual([])
    expect(idleMillis).toBeLessThan(1000)
  })
})
