import { Effect, Fiber, Stream, Chunk } from "effect"
import * as PgDriver from "effect-sql-engine-pg/PgDriver"
import { PgServer } from "effect-sql-engine-testing"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const server = yield* PgServer.start()
  const port = 16432
  const dir = fs.mkdtempSync("/tmp/pgb/run-"); fs.chmodSync(dir, 0o777)
  fs.writeFileSync(dir + "/users.txt", `"postgres" ""\n`)
  fs.writeFileSync(dir + "/pgb.ini", `[databases]\n* = host=127.0.0.1 port=${server.port}\n[pgbouncer]\nlisten_port=${port}\nlisten_addr=127.0.0.1\nauth_type=trust\nauth_file=${dir}/users.txt\npool_mode=transaction\ndefault_pool_size=3\nunix_socket_dir=\nlogfile=${dir}/log\npidfile=${dir}/pid\nuser=nobody\n`)
  fs.chmodSync(dir+"/pgb.ini",0o644); fs.chmodSync(dir+"/users.txt",0o644)
  const p = spawn("/tmp/pgb/x/usr/sbin/pgbouncer", [dir + "/pgb.ini"], { env: { LD_LIBRARY_PATH: "/tmp/pgb/x/usr/lib/x86_64-linux-gnu" }, uid: 65534, gid: 65534, stdio: "ignore" })
  yield* Effect.addFinalizer(() => Effect.sync(() => p.kill("SIGKILL")))
  yield* Effect.sleep(500)
  const mk = (extra: any) => PgDriver.make({ hosts: [{ host: "127.0.0.1", port }], username: "postgres", database: "postgres", ssl: "disable", ...extra })
  const noPgb = yield* mk({ searchPath: "public" })
  const ctx = { engine: "x", onLost: (f: any) => console.log("lost", f.message), onServerGone: (f: any) => console.log("gone", f.message) }
  console.log("startup param:", (yield* Effect.flip(noPgb.connect(ctx)).pipe(Effect.map((f) => f._tag + " " + f.retryable + " " + f.message))))
  const driver = yield* mk({ pgbouncer: true, trackTransactionId: true })
  const connect = Effect.acquireRelease(driver.connect(ctx), (c) => c.close)
  const run = (c: PgDriver.PgConnection, sql: string, params: any[] = [], prelude: string[] = []) => c.execute({ sql, params, shape: "rows", prepare: true, prelude })
  const cs = yield* Effect.all(Array.from({ length: 8 }, () => connect))
  yield* run(cs[0]!, "create table t (a int unique)")
  yield* Effect.forEach(cs, (c, l) => Effect.gen(function*() {
    for (let i = 0; i < 50; i++) { yield* run(c, "insert into t values ($1)", [l * 1000 + i], ["BEGIN"]); yield* run(c, "select 1", [], ["SAVEPOINT a"]); yield* c.control("commit", "COMMIT") }
  }), { concurrency: 8 })
  console.log(yield* run(cs[0]!, "select count(*)::int as n from t"))
  console.log("refused", (yield* Effect.flip(run(cs[0]!, "insert into t values (1)", [], ["BEGIN NONSENSE"]))).message)
  console.log("script", yield* run(cs[0]!, "select 1 as a; select 2 as b", [], ["BEGIN"]), yield* cs[0]!.control("rollback", "ROLLBACK"))
  console.log("stream", Chunk.size(yield* Stream.runCollect(cs[0]!.stream({ sql: "select generate_series(1,1000)", params: [], shape: "rows", prepare: true, prelude: [] }))), cs[0]!.condition())
  let bad = 0, n = 0
  yield* Effect.forEach(cs, (c) => Effect.gen(function*() {
    for (let i = 0; i < 60; i++) {
      const f = yield* Effect.fork(run(c, "select pg_sleep(0.02)"))
      yield* Effect.sleep(Math.random() * 30)
      yield* Fiber.interrupt(f)
      const r = yield* Effect.either(run(c, "select count(*)::int as n from generate_series(1, 3000)"))
      n++
      if (r._tag === "Left") { bad++; console.log(r.left._tag, r.left.message) }
    }
  }), { concurrency: 8 })
  console.log("bad", bad, "of", n)
  const f = yield* Effect.fork(run(cs[0]!, "select pg_sleep(20)", [], ["BEGIN"]))
  yield* Effect.sleep(300)
  yield* Fiber.interrupt(f)
  const [d] = yield* Effect.timed(cs[0]!.settle)
  console.log("settled", String(d), cs[0]!.transaction(), cs[0]!.condition())
  yield* cs[0]!.reset
  yield* run(cs[0]!, "set work_mem='1MB'"); console.log(cs[0]!.condition()); yield* cs[0]!.reset; console.log(cs[0]!.condition())
  yield* cs[0]!.ping
  const plain = yield* mk({})
  const ps = yield* Effect.all(Array.from({ length: 4 }, () => Effect.acquireRelease(plain.connect(ctx), (c) => c.close)))
  const outs = yield* Effect.forEach(ps, (c) => Effect.either(Effect.forEach([1,2,3], () => run(c, "select 7 as a"))), { concurrency: 4 })
  for (const o of outs) console.log("unsaid pgbouncer:", o._tag === "Left" ? o.left.message : "ok")
}))).then(() => process.exit(0), (e) => { console.log(e); process.exit(1) })
