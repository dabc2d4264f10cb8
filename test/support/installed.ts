/**
 * The packages as a user has them: JavaScript behind the exports of their `package.json`, in a folder of its own.
 *
 * It is made from the sources at the moment, so that a test never meets a build that is out of date, and beside the
 * checkout's own node_modules, where everything else is found. Types are not looked at here: `npm run check` does that.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import ts from "typescript"
import { json, packages, root } from "./workspace.js"
import type { Manifest } from "./workspace.js"

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true
}

/** Translates every module below a folder of the workspace. */
const translate = (from: string, to: string): void => {
  for (const file of readdirSync(join(root, from), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue
    const target = join(to, file.replace(/\.ts$/, ".js"))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(
      target,
      ts.transpileModule(readFileSync(join(root, from, file), "utf8"), { compilerOptions }).outputText
    )
  }
}

export interface Installed {
  /** Holds what was asked for, and the packages in its node_modules. */
  readonly folder: string
  readonly remove: () => void
}

/** Puts the packages into a new folder, and beside them the programs of a folder of the workspace. */
export const install = (programs: string): Installed => {
  mkdirSync(join(root, ".scratch"), { recursive: true })
  const folder = mkdtempSync(join(root, ".scratch", "installed-"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  for (const from of packages) {
    const to = join(folder, "node_modules", json<Manifest>(`${from}/package.json`).name)
    translate(`${from}/src`, join(to, "dist"))
    copyFileSync(join(root, from, "package.json"), join(to, "package.json"))
  }
  translate(programs, folder)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program to its end. One that does not end by itself within the limit is killed, and has no exit code. It prints
 * into files: with pipes, `effect` opens one as soon as it is imported, to see whether it is a terminal.
 */
export const run = async (program: string, args: ReadonlyArray<string>, limitMillis = 60_000): Promise<Ended> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-sql-engine-run-"))
  const files = [join(folder, "stdout"), join(folder, "stderr")] as const
  const [stdout, stderr] = files.map((file) => openSync(file, "w"))
  try {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", stdout, stderr],
      timeout: limitMillis,
      killSignal: "SIGKILL",
      cwd: dirname(program)
    })
    const [code] = await once(child, "exit")
    return { code, stdout: readFileSync(files[0], "utf8"), stderr: readFileSync(files[1], "utf8") }
  } finally {
    for (const file of [stdout, stderr]) if (file !== undefined) closeSync(file)
    rmSync(folder, { recursive: true, force: true })
  }
}
