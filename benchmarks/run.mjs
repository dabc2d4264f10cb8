/**
 * `npm run bench`: installs the peers where they are not, puts the built packages beside them as npm would for a user,
 * compiles, and runs.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"

const here = import.meta.dirname
const modules = path.join(here, "node_modules")

const run = (command, args, env = process.env) => {
  const { status } = spawnSync(command, args, { cwd: here, env, stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}

const without = (names) => Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.includes(name)))

const lock = fs.readFileSync(path.join(here, "package-lock.json"), "utf8")
const stamp = path.join(modules, ".bench-lock")
if (!fs.existsSync(stamp) || fs.readFileSync(stamp, "utf8") !== lock) {
  run("npm", ["ci"])
  // No script of a peer runs, but SQLite is needed; compiled as a release is, whatever the tests are content with.
  run("npm", ["rebuild", "better-sqlite3", "--ignore-scripts=false"], without(["CFLAGS", "CXXFLAGS"]))
  fs.writeFileSync(stamp, lock)
}

// Copies instead of links: a link would take its dependencies, and with them a second effect, from the workspace.
for (const [folder, name] of [["engine", ""], ["pg", "-pg"], ["sqlite", "-sqlite"], ["testing", "-testing"]]) {
  const from = path.join(here, "../packages", folder)
  const to = path.join(modules, `effect-sql-engine${name}`)
  fs.rmSync(to, { recursive: true, force: true })
  fs.cpSync(path.join(from, "dist"), path.join(to, "dist"), { recursive: true })
  fs.cpSync(path.join(from, "package.json"), path.join(to, "package.json"))
}

// To generate a client needs no engine, but Prisma insists on one, and would download it.
const prisma = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath }
run(process.execPath, [path.join(modules, "prisma/build/index.js"), "generate"], prisma)
run(process.execPath, [path.join(modules, "typescript/bin/tsc"), "-p", here])
run(process.execPath, ["--expose-gc", path.join(here, "dist/benchmarks/src/main.js"), ...process.argv.slice(2)])
