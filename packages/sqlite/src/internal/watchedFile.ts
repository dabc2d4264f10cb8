/**
 * Notices that another file stands at the path of the database than the one that was opened: it was replaced, moved,
 * removed, or a symbolic link leads elsewhere now. Device and inode tell; an inode is not used again as long as a
 * connection has its file open.
 *
 * SQLite does not look. In WAL mode it goes on writing into the file that it has open, and pairs a -wal file with whatever
 * database stands beside it: opened over the -wal of the file it has replaced, a new database is overwritten with the
 * pages of the old one.
 *
 * Source: https://www.sqlite.org/howtocorrupt.html, sections 1.4 and 2.4
 */
import { realpathSync, renameSync, rmSync, statSync } from "node:fs"

/** A file, whatever it is called. */
interface FileId {
  readonly dev: number
  readonly ino: number
  readonly size: number
}

const idOf = (path: string): FileId | undefined => {
  try {
    return statSync(path)
  } catch {
    // Missing, or out of reach: in both cases not the file that was opened.
    return undefined
  }
}

const same = (one: FileId | undefined, other: FileId | undefined): boolean =>
  one?.dev === other?.dev && one?.ino === other?.ino

/**
 * Renames a file, if it is this one. A file that another process has put in its place in between is given its name back.
 */
const renameIf = (id: FileId, from: string, to: string): boolean => {
  if (!same(idOf(from), id)) return false
  try {
    renameSync(from, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false
    throw cause
  }
  if (same(idOf(to), id)) return true
  renameSync(to, from)
  return false
}

/** A database, and what its connections have open beside it in WAL mode. */
interface Opened {
  readonly database: FileId
  readonly wal: FileId | undefined
  readonly shm: FileId | undefined
}

/** About as long as a COMMIT takes, within which a file may be replaced unseen in any case. */
const glanceMillis = 0.05

/** The file at a path. */
export class WatchedFile {
  #current: FileId | undefined
  #generation = 0
  #opened: Opened | undefined
  #lookedAt = -Infinity

  constructor(readonly path: string) {}

  /** Whether the file is gone, and was there before. */
  get isRemoved(): boolean {
    return this.#current === undefined && this.#opened !== undefined
  }

  /** Looks at the path. Returns a number that is another one as soon as another file stands there. */
  look(): number {
    this.#lookedAt = performance.now()
    const found = idOf(this.path)
    if (!same(found, this.#current)) {
      this.#current = found
      this.#generation += 1
    }
    return this.#generation
  }

  /**
   * The same at a fraction of the cost, where statements follow each other closely: what was seen within the last 50
   * microseconds is not looked for again. All connections of a driver share what was seen: none is ahead of another.
   */
  glance(): number {
    return performance.now() - this.#lookedAt < glanceMillis ? this.#generation : this.look()
  }

  /** Notes that the file is open, after it was read for the first time: from then on its -wal is open, too. */
  opened(): void {
    if (this.#current === undefined) return
    const path = realpathSync(this.path)
    this.#opened = { database: this.#current, wal: idOf(`${path}-wal`), shm: idOf(`${path}-shm`) }
  }

  /** The -wal beside the file, where it belongs to the file that stood here before. */
  get foreignWal(): string | undefined {
    if (this.#current === undefined || this.#opened?.wal === undefined) return undefined
    if (same(this.#opened.database, this.#current)) return undefined
    const wal = `${realpathSync(this.path)}-wal`
    return same(idOf(wal), this.#opened.wal) ? wal : undefined
  }

  /**
   * Takes the foreign -wal away from the file that stands here now, and keeps it under another name: it may hold the last
   * commits of the old file. Connections that have it open go on using it.
   */
  setForeignWalAside(): void {
    const { foreignWal } = this
    if (foreignWal === undefined) return
    const { shm, wal } = this.#opened!
    const path = foreignWal.slice(0, -"-wal".length)
    const aside = `${path}.replaced`
    if (renameIf(wal!, foreignWal, `${aside}-wal`) && idOf(`${aside}-wal`)?.size === 0) rmSync(`${aside}-wal`)
    // The index of a -wal is made anew where it is missing.
    if (shm !== undefined && renameIf(shm, `${path}-shm`, `${aside}-shm`)) rmSync(`${aside}-shm`)
  }
}
