/**
 * A backup was restored with `mv backup.db app.db` under a running program. The program went on writing into the file that
 * nobody could open any more: every commit was acknowledged, and gone after a restart. Connections that were opened later
 * found the -wal of the old file beside the new one, and SQLite wrote the old pages over the backup.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { folder } from "../support/places.js"

/** Does something with a file outside of the engine. */
const outside = <A>(path: string, work: (db: Sqlite.Database) => A): A => {
  const db = new Sqlite(path, { timeout: 10_000 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const rowsIn = (path: string) => outside(path, (db) => db.prepare("select text from note order by rowid").pluck().all())

const begun = (path: string, ...texts: ReadonlyArray<string>) =>
  outside(path, (db) => {
    db.exec("create table note (text text not null)")
    for (const text of texts) db.prepare("insert into note values (?)").run(text)
  })

/** A backup of its own, which is larger than the live database: pages of that would not cover it. */
const backup = (path: string) =>
  outside(path, (db) => {
    db.exec("create table note (text text not null)")
    db.exec("create table other (x blob); insert into other values (randomblob(100000))")
    db.prepare("insert into note values ('of the backup')").run()
  })

interface Files {
  readonly app: string
  readonly backup: string
}

/** A database with a few commits in its -wal, an engine on it that has used all of its connections, and a backup. */
const running = <A, E, R>(
  body: (files: Files) => Effect.Effect<A, E, R>,
  options: SqliteEngine.SqliteEngineOptions = {}
) =>
  Effect.flatMap(folder, (folder) => {
    const files = { app: join(folder, "app.db"), backup: join(folder, "backup.db") }
    backup(files.backup)
    return Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table note (text text not null)`
      yield* write("before")
      yield* Effect.all(Array.from({ length: 4 }, () => notes), { concurrency: 4 })
      return yield* body(files)
    }).pipe(Effect.provide(SqliteEngine.layer({ filename: files.app, ...options })))
  })

const notes = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    Effect.map(sql<{ text: string }>`select text from note order by rowid`, (rows) => rows.map(({ text }) => text))
)

const write = (text: string) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into note values (${text})`)

/** Everything that can be done with a database, in ways that must all see the same file. */
const afterwards = Effect.gen(function*() {
  yield* write("a lone write")
  yield* Session.transaction(write("a session"))
  const lone = yield* notes
  const inSession = yield* Session.transaction(notes)
  const readOnly = yield* Session.transaction(notes, { readOnly: true })
  expect(inSession).toEqual(lone)
  expect(readOnly).toEqual(lone)
  return lone
})

describe("a database file that is replaced under a running engine", () => {
  it.scopedLive("takes the next lone write: what is acknowledged is in the file at the path", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        renameSync(backup, app)
        yield* write("after")
        expect(yield* notes).toEqual(["of the backup", "after"])
        expect(rowsIn(app)).toEqual(["of the backup", "after"])
      })
    ))

  it.scopedLive("is read by the next lone read", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        renameSync(backup, app)
        expect(yield* notes).toEqual(["of the backup"])
      })
    ))

  it.scopedLive("is used by the next session, by all readers, and by the writer", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        renameSync(backup, app)
        const all = yield* afterwards
        expect(all).toEqual(["of the backup", "a lone write", "a session"])
        const readers = yield* Effect.all(Array.from({ length: 20 }, () => notes), { concurrency: 20 })
        expect(readers).toEqual(Array.from({ length: 20 }, () => all))
        expect(rowsIn(app)).toEqual(all)
        expect(outside(app, (db) => db.pragma("integrity_check", { simple: true }))).toBe("ok")
      })
    ))

  it.scopedLive("says so in the pool's events, once for the writer and once for the readers", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        renameSync(backup, app)
        yield* afterwards
        const { pool, readers } = yield* Engine.Engine.stats
        expect(pool.generation).toBe(1)
        expect(readers?.generation).toBe(1)
      })
    ))

  it.scopedLive("keeps the commits in the -wal of the old file, under another name", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        const old = join(dirname(app), "old.db")
        renameSync(app, old)
        renameSync(backup, app)
        yield* afterwards
        expect(existsSync(`${app}.replaced-shm`)).toBe(false)
        renameSync(`${app}.replaced-wal`, `${old}-wal`)
        expect(rowsIn(old)).toEqual(["before"])
      })
    ))

  it.scopedLive("may come with a -wal of its own", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        // A copy of a database in use, as a file system's snapshot is.
        const source = join(dirname(app), "source.db")
        const live = new Sqlite(source)
        live.pragma("journal_mode = wal")
        live.exec("create table note (text text not null)")
        live.exec("insert into note values ('in the -wal')")
        copyFileSync(source, backup)
        copyFileSync(`${source}-wal`, `${backup}-wal`)
        live.close()
        renameSync(`${backup}-wal`, `${app}-wal`)
        renameSync(backup, app)
        expect(yield* notes).toEqual(["in the -wal"])
        expect(existsSync(`${app}.replaced-wal`)).toBe(false)
      })
    ))

  it.scopedLive("fails a session that is open, at its COMMIT, and the session run again writes to the new file", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
          yield* write("lost")
          renameSync(backup, app)
          // Others meet the new file while the session has the old one.
          yield* Effect.forkDaemon(notes).pipe(
            Effect.flatMap(Fiber.join),
            Effect.map((found) => expect(found).toEqual(["before", "lost"])),
            Effect.ignore
          )
        })))
        expect(failure).toMatchObject({
          _tag: "ConnectionError",
          sent: "no",
          retryable: true,
          connection: "discard"
        })
        expect(failure.message).toContain("was replaced")
        expect(yield* afterwards).toEqual(["of the backup", "a lone write", "a session"])
        expect((yield* Engine.Engine.stats).sessions).toMatchObject({ rolledBack: 1, unknown: 0 })
      })
    ))

  it.scopedLive("is retried by a session that retries conflicts of this kind", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        let runs = 0
        yield* Session.transaction(
          Effect.zipRight(
            write("once"),
            Effect.sync(() => {
              if (runs++ === 0) renameSync(backup, app)
            })
          )
        ).pipe(Effect.retry({ times: 1, while: (failure) => "retryable" in failure && failure.retryable }))
        expect(yield* notes).toEqual(["of the backup", "once"])
      })
    ))

  it.scopedLive("is read by others while a session has the old one open", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        const replaced = yield* Deferred.make<void>()
        const read = yield* Deferred.make<void>()
        const session = yield* Effect.fork(Effect.exit(Session.transaction(Effect.gen(function*() {
          yield* write("lost")
          yield* Deferred.succeed(replaced, void renameSync(backup, app))
          yield* Deferred.await(read)
          return yield* notes
        }))))
        yield* Deferred.await(replaced)
        expect(yield* notes).toEqual(["of the backup"])
        yield* Deferred.succeed(read, undefined)
        expect(Exit.isFailure(yield* Fiber.join(session))).toBe(true)
        expect(yield* afterwards).toEqual(["of the backup", "a lone write", "a session"])
        expect(outside(app, (db) => db.pragma("integrity_check", { simple: true }))).toBe("ok")
      })
    ))

  it.scopedLive("leaves a read-only session the snapshot it has", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        const found = yield* Session.transaction(
          Effect.gen(function*() {
            const first = yield* notes
            renameSync(backup, app)
            return [first, yield* notes]
          }),
          { readOnly: true }
        )
        expect(found).toEqual([["before"], ["before"]])
        expect(yield* afterwards).toEqual(["of the backup", "a lone write", "a session"])
      })
    ))

  it.scopedLive("is noticed by a transaction begun and committed by hand", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const failure = yield* Effect.flip(Effect.scoped(Effect.gen(function*() {
          const connection = yield* sql.reserve
          yield* connection.executeRaw("begin immediate", [])
          yield* connection.executeRaw("insert into note values ('lost')", [])
          renameSync(backup, app)
          yield* connection.executeRaw("commit", [])
        })))
        expect(failure.cause).toMatchObject({ _tag: "ConnectionError", sent: "no" })
        expect(yield* notes).toEqual(["of the backup"])
      })
    ))

  it.scopedLive("is noticed by a reserved connection that writes without a transaction", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const failure = yield* Effect.flip(Effect.scoped(Effect.gen(function*() {
          const connection = yield* sql.reserve
          yield* connection.executeRaw("insert into note values ('kept')", [])
          renameSync(backup, app)
          yield* connection.executeRaw("insert into note values ('lost')", [])
        })))
        expect(failure.cause).toMatchObject({ _tag: "ConnectionError", sent: "no", retryable: true })
        expect(yield* notes).toEqual(["of the backup"])
      })
    ))

  it.scopedLive("is noticed behind a symbolic link that leads elsewhere now", () =>
    Effect.flatMap(folder, (folder) => {
      const [link, one, two] = ["app.db", "one.db", "two.db"].map((name) => join(folder, name)) as [
        string,
        string,
        string
      ]
      begun(one, "of one")
      begun(two, "of two")
      symlinkSync(one, link)
      return Effect.gen(function*() {
        expect(yield* notes).toEqual(["of one"])
        yield* write("more of one")
        symlinkSync(two, `${link}.next`)
        renameSync(`${link}.next`, link)
        yield* write("more of two")
        expect(yield* notes).toEqual(["of two", "more of two"])
        expect(rowsIn(one)).toEqual(["of one", "more of one"])
      }).pipe(Effect.provide(SqliteEngine.layer({ filename: link })))
    }))

  it.scopedLive("is not created anew when it was removed, and is used again when it is back", () =>
    running(({ app, backup }) =>
      Effect.gen(function*() {
        rmSync(app)
        const failures = [yield* Effect.flip(write("lost")), yield* Effect.flip(notes)].map(({ cause }) => cause)
        expect(failures).toMatchObject([
          { _tag: "ConnectionError", sent: "no", retryable: true },
          { _tag: "ConnectionError", sent: "no", retryable: true }
        ])
        expect(existsSync(app)).toBe(false)
        renameSync(backup, app)
        expect(yield* afterwards).toEqual(["of the backup", "a lone write", "a session"])
      })
    ))

  it.scopedLive("is noticed as often as it is replaced", () =>
    running(({ app, backup: path }) =>
      Effect.gen(function*() {
        for (let round = 0; round < 20; round++) {
          if (round > 0) backup(path)
          renameSync(path, app)
          yield* write(`round ${round}`)
          expect(yield* notes).toEqual(["of the backup", `round ${round}`])
        }
        expect(readdirSync(dirname(app)).filter((name) => name.includes("replaced")).length).toBeLessThanOrEqual(1)
      })
    ))

  it.scopedLive.each(["delete", "truncate", "persist"] as const)(
    "is noticed in journal mode %s",
    (journalMode) =>
      running(
        ({ app, backup }) =>
          Effect.gen(function*() {
            const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
              yield* write("lost")
              renameSync(backup, app)
              // Its journal would be played back into the new file.
              const { failure, status } = yield* Engine.Engine.health
              expect([status, failure?._tag]).toEqual(["fail", "ConnectionError"])
            })))
            expect(failure).toMatchObject({ _tag: "ConnectionError", sent: "no", retryable: true })
            expect(yield* afterwards).toEqual(["of the backup", "a lone write", "a session"])
          }),
        { journalMode }
      )
  )

  it.scopedLive("is noticed by an engine that only reads", () =>
    Effect.flatMap(folder, (folder) => {
      const app = join(folder, "app.db")
      const next = join(folder, "next.db")
      begun(app, "old")
      begun(next, "new")
      return Effect.gen(function*() {
        expect(yield* notes).toEqual(["old"])
        renameSync(next, app)
        expect(yield* notes).toEqual(["new"])
        expect(yield* Session.transaction(notes, { readOnly: true })).toEqual(["new"])
      }).pipe(Effect.provide(SqliteEngine.layer({ filename: app, mode: "ro" })))
    }))
})
