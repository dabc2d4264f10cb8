/**
 * Puts the page where it belongs.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import type { Results } from "../results.js"
import { page } from "./page.js"

const docs = fileURLToPath(new URL("../../../../../docs/", import.meta.url))

export const write = (results: Results): void => {
  fs.rmSync(path.join(docs, "performance"), { recursive: true, force: true })
  fs.mkdirSync(path.join(docs, "performance"), { recursive: true })
  for (const [name, text] of page(results)) fs.writeFileSync(path.join(docs, name), text)
  console.log("\nwritten: docs/performance.md")
}
