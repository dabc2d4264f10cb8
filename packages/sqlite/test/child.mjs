/**
 * Runs one exported function of a TypeScript module in a process of its own, and prints what it returns as JSON.
 *
 *     node child.mjs <module> <export> <argument as JSON> [nobody]
 *
 * With `nobody`, a process of root gives up its rights when everything is loaded: files are then protected from it.
 */
import { fileURLToPath } from "node:url"
import { createServer } from "vite"

const [, , path, name, argument, user] = process.argv

const server = await createServer({
  configFile: fileURLToPath(new URL("../../../vitest.config.ts", import.meta.url)),
  root: fileURLToPath(new URL("../../..", import.meta.url)),
  cacheDir: ".scratch/child",
  logLevel: "error",
  appType: "custom",
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null }
})
const program = await server.ssrLoadModule(path)
if (user === "nobody" && process.getuid?.() === 0) {
  process.setgroups([])
  process.setgid(65_534)
  process.setuid(65_534)
}
const result = await program[name](JSON.parse(argument))
process.stdout.write(`${JSON.stringify(result)}\n`)
await server.close()
process.exit(0)
