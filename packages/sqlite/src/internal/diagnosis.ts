/**
 * Why a file could not be opened. SQLite has one message for most reasons ("unable to open database file"); the file
 * system tells them apart. Nothing is opened here: closing any descriptor of the file would drop SQLite's locks on it.
 */
import { accessSync, constants, statSync } from "node:fs"
import { dirname } from "node:path"
import type { Mode } from "../SqliteConfig.js"
import { codeOf } from "./failure.js"

const may = (path: string, how: number): boolean => {
  try {
    accessSync(path, how)
    return true
  } catch {
    return false
  }
}

const kindOf = (path: string): "missing" | "folder" | "file" | "unreachable" => {
  try {
    return statSync(path).isDirectory() ? "folder" : "file"
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "unreachable"
  }
}

/** How many bytes a file has; `undefined`: there is none, or none that can be seen. */
export const sizeOf = (path: string): number | undefined => {
  try {
    return statSync(path).size
  } catch {
    return undefined
  }
}

/** What is wrong with a file before SQLite is asked; `undefined`: nothing to be seen. */
export const problemBefore = (file: string, mode: Mode): string | undefined => {
  const folder = dirname(file)
  switch (kindOf(folder)) {
    case "missing":
      return `its folder ${folder} does not exist: create it first`
    case "file":
      return `${folder} is a file, not a folder`
    case "unreachable":
      return `its folder ${folder} may not be looked into by this process`
    case "folder":
  }
  switch (kindOf(file)) {
    case "folder":
      return `${file} is a folder: name a file in it`
    case "unreachable":
      return `${file} may not be reached by this process`
    case "missing":
      if (mode !== "rwc") return `${file} does not exist, and mode "${mode}" does not create it ("rwc" does)`
      return may(folder, constants.W_OK | constants.X_OK)
        ? undefined
        : `${file} does not exist, and its folder does not let this process create it`
    case "file":
  }
  if (!may(file, constants.R_OK)) return `${file} may not be read by this process`
  // SQLite takes a file of one byte for an empty one, and would write over it.
  if (sizeOf(file) === 1) return `${file} is not an SQLite database`
  // SQLite would open it all the same, read-only and without a word.
  return mode === "ro" || may(file, constants.W_OK)
    ? undefined
    : `${file} is write-protected for this process: open it with mode "ro", or make it writable`
}

/** A process was killed in the middle of its work, which somebody who may write has to undo before anybody can read. */
export const isUnfinished = (code: string | undefined): boolean =>
  code === "SQLITE_READONLY_ROLLBACK" || code === "SQLITE_READONLY_RECOVERY"

/** What is wrong with a file that SQLite refused; `undefined`: not the file's fault. */
export const problemAfter = (cause: unknown, file: string): string | undefined => {
  const code = codeOf(cause) ?? ""
  if (isUnfinished(code)) {
    return `${file} was left by a process that was killed in the middle of a change: open it once in a mode that writes`
  }
  if (code === "SQLITE_NOTADB") return `${file} is not an SQLite database, or is encrypted`
  if (code.startsWith("SQLITE_CORRUPT")) return `${file} is a damaged SQLite database`
  const write = code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_READONLY")
  return write && !may(dirname(file), constants.W_OK | constants.X_OK)
    ? `${file} needs a -wal or -journal file beside it, which its folder does not let this process create`
    : undefined
}
