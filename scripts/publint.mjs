/**
 * Lints the packages as they would be published: every entry of `exports` exists and is what it says. Needs a build.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

const packages = resolve(import.meta.dirname, "..", "packages")
let complaints = 0

for (const folder of readdirSync(packages)) {
  const pkgDir = join(packages, folder)
  const manifest = JSON.parse(readFileSync(join(pkgDir, "package.json"), "utf8"))
  // oxlint-disable-next-line no-await-in-loop -- a package at a time keeps the report in order
  const { messages } = await publint({ pkgDir, pack: "npm", strict: true })
  for (const message of messages) {
    complaints++
    console.error(`packages/${folder}/package.json ${formatMessage(message, manifest) ?? message.code}`)
  }
}

console.log(`publint: ${complaints} complaints`)
if (complaints > 0) process.exitCode = 1
