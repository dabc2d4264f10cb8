/**
 * How the tests run: the workspace by its public names, from the sources, with no build in between.
 */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const packages = { "": "engine", "-pg": "pg", "-sqlite": "sqlite", "-testing": "testing", "-cli": "cli" }

const alias = Object.entries(packages).flatMap(([suffix, folder]) => {
  const source = fileURLToPath(new URL(`./packages/${folder}/src`, import.meta.url))
  return [
    { find: new RegExp(`^effect-sql-engine${suffix}$`), replacement: `${source}/index.ts` },
    // Asset urls and `package.json` are not modules of the sources, so only plain paths are taken.
    { find: new RegExp(`^effect-sql-engine${suffix}/([\\w/-]+)$`), replacement: `${source}/$1.ts` }
  ]
})

export default defineConfig({
  resolve: { alias },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["./test/support/postgresBroker.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    allowOnly: false,
    reporters: ["default", "./scripts/EvidenceReporter.ts", "./scripts/CountsReporter.ts"],
    coverage: { provider: "v8", include: ["packages/*/src/**/*.ts"], reporter: ["text", "html"] }
  }
})
