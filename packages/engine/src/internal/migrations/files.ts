/**
 * Which files of a folder are one migration, by their names: most are one file each, and some tools keep the way down in a
 * file of its own, or each migration in a folder of its own.
 *
 * | files | of |
 * | --- | --- |
 * | `<id>_<name>.sql`, `.ts`, `.js` | ours, drizzle-kit, dbmate, goose |
 * | `<id>_<name>.up.sql`, `<id>_<name>.down.sql` | golang-migrate, sqlx |
 * | `V<id>__<name>.sql`, `U<id>__<name>.sql` | Flyway |
 * | `<id>_<name>/migration.sql`, with `down.sql` | Prisma, drizzle-kit |
 * | `<id>_<name>/up.sql`, `<id>_<name>/down.sql` | Diesel |
 */
import { parseName } from "./id.js"
import { stem } from "./sources.js"

/** The files of one migration. */
export interface MigrationFiles {
  /** How it is called in messages: its file, or its folder. */
  readonly key: string
  /** `<id>_<name>`. */
  readonly name: string
  readonly up: string
  readonly down: string | undefined
}

/** What has no migration to go with. */
export interface Unpaired {
  readonly key: string
  readonly name: string
  readonly problem: string
}

/** What is not meant to be a migration: hidden files, what begins with an underscore, types, maps, other kinds. */
const isMigration = (file: string): boolean => /^[^._].*\.(sql|[cm]?[jt]s)$/.test(file) && !/\.d\.[cm]?ts$/.test(file)

/** Whether something of this name may be a migration's folder. */
export const mayBeFolder = (name: string): boolean => !isMigration(name) && parseName(name) !== undefined

/** The files in a migration's folder that are its way up, the first that is there. */
export const upInFolder = ["migration.sql", "up.sql"] as const

/** The file in a migration's folder that is its way down. */
export const downInFolder = "down.sql"

const undoOf = (file: string): { readonly up: RegExp; readonly example: string } | undefined => {
  const [, pair] = /^(.*)\.down\.sql$/i.exec(file) ?? []
  const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  if (pair !== undefined) return { up: new RegExp(`^${escaped(pair)}(\\.up)?\\.sql$`, "i"), example: `${pair}.up.sql` }
  const [, version] = /^U([0-9][0-9._]*?)__.*\.sql$/.exec(file) ?? []
  return version === undefined
    ? undefined
    : { up: new RegExp(`^V${escaped(version)}__.*\\.sql$`), example: `V${version}__….sql` }
}

const nameOf = (file: string): string => stem(file).replace(/\.(up|down)$/i, "")

/** The migrations that these files of a folder are. */
export const migrationsIn = (files: ReadonlyArray<string>): ReadonlyArray<MigrationFiles | Unpaired> => {
  const all = files.filter(isMigration).sort()
  const downs = new Map<string, string>()
  const unpaired: Array<Unpaired> = []
  for (const file of all) {
    const undo = undoOf(file)
    if (undo === undefined) continue
    const up = all.find((other) => undo.up.test(other))
    if (up !== undefined) downs.set(up, file)
    else {unpaired.push({
        key: file,
        name: nameOf(file),
        problem: `takes back what is not there: there is no ${undo.example}`
      })}
  }
  const taken = new Set([...downs.values(), ...unpaired.map(({ key }) => key)])
  return [
    ...all.filter((file) => !taken.has(file)).map((file) => ({
      key: file,
      name: nameOf(file),
      up: file,
      down: downs.get(file)
    })),
    ...unpaired
  ]
}
