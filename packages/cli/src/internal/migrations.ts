/**
 * The migrations in the folder that is meant, and how they are told about.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import { Option } from "effect"
import type { Duration } from "effect"
import { Migrations } from "effect-sql-engine"

/** The set of a folder. */
export const inFolder = (dir: string): Migrations.MigrationSet<FileSystem | Path> => Migrations.fromDirectory(dir)

/** The lock's part of the options. */
export const lockOf = ({ lockTimeout }: { readonly lockTimeout: Option.Option<Duration.Duration> }) => ({
  lockTimeout: Option.getOrUndefined(lockTimeout)
})

/** What is let pass, as the library has it. */
export const allowedOf = (
  { missing, outOfOrder, resume }: {
    readonly missing: boolean
    readonly outOfOrder: boolean
    readonly resume: Option.Option<"continue" | "restart">
  }
): Migrations.Allowed => ({ missing, outOfOrder, interrupted: Option.getOrUndefined(resume) })

/** So many of something. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`
