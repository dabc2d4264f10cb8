/**
 * Sessions, as a caller's type checker sees them: whose session it is, and what may go wrong.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { Effect, type Scope } from "effect"
import type { Layer } from "effect"
import { Engine, Session } from "effect-sql-engine"
import type { SessionClosed, SqlFailure } from "effect-sql-engine/SqlFailure"
import { describe, expect, test } from "tstyche"

class Main extends Engine.Tag<Main>()("app/Main") {}
class Reports extends Engine.Tag<Reports>()("app/Reports") {}

declare const work: Effect.Effect<number, SqlError | "mine", "service">
declare const inMain: Effect.Effect<number, never, Session.Session<Main>>
declare const inReports: Effect.Effect<string, never, Session.Session<Reports>>
declare const runnable: (effect: Effect.Effect<unknown, unknown, Main | Reports>) => void

describe("transaction", () => {
  test("refines SqlError, keeps other errors, and asks for its engine", () => {
    expect(Main.transaction(work)).type.toBe<Effect.Effect<number, SqlFailure | "mine", "service" | Main>>()
    expect(work.pipe(Main.transaction())).type.toBe<Effect.Effect<number, SqlFailure | "mine", "service" | Main>>()
    expect(Main.transaction(Effect.succeed(1))).type.toBe<Effect.Effect<number, SqlFailure, Main>>()
  })

  test("of the default engine asks for the default engine", () => {
    expect(Session.transaction(work)).type.toBe<Effect.Effect<number, SqlFailure | "mine", "service" | Engine.Engine>>()
  })

  test("gives its body its own session, and no other", () => {
    expect(Main.transaction(inMain)).type.toBe<Effect.Effect<number, SqlFailure, Main>>()
    expect(Reports.transaction(inMain)).type.toBe<Effect.Effect<number, SqlFailure, Reports | Session.Session<Main>>>()
    expect(Main.transaction(Reports.transaction(Effect.zip(inMain, inReports)))).type.toBe<
      Effect.Effect<[number, string], SqlFailure, Main | Reports>
    >()
  })

  test("of another engine, or none at all, leaves a program that does not compile", () => {
    expect(runnable).type.toBeCallableWith(Main.transaction(inMain))
    expect(runnable).type.not.toBeCallableWith(Reports.transaction(inMain))
    expect(runnable).type.not.toBeCallableWith(Session.transaction(inMain))
    expect(runnable).type.not.toBeCallableWith(inMain)
  })

  test("takes the options of a session, and none that are not", () => {
    type Options = NonNullable<Parameters<typeof Main.transaction>[1]>
    expect<Options>().type.toBe<Session.SessionOptions>()
    expect<{ isolation: "serializable"; nested: "new"; timeout: "1 second" }>().type.toBeAssignableTo<Options>()
    expect<{ isolation: "snapshot" }>().type.not.toBeAssignableTo<Options>()
    expect<{ nested: "sometimes" }>().type.not.toBeAssignableTo<Options>()
    expect<"commitTimeout">().type.not.toBeAssignableTo<keyof Options>()
  })
})

describe("what runs only inside of a session", () => {
  test("says so in its requirements", () => {
    expect(Session.info).type.toBe<Effect.Effect<Session.SessionInfo, never, Session.Session<Engine.Engine>>>()
    expect(Main.rollbackOnly).type.toBe<Effect.Effect<void, never, Session.Session<Main>>>()
    expect(Main.required(work)).type.toBe<
      Effect.Effect<number, SqlError | "mine", "service" | Session.Session<Main>>
    >()
  })

  test("a hook cannot fail, and keeps what it needs", () => {
    const hook = Effect.succeed(1) as Effect.Effect<number, never, "mailer">
    expect(Main.afterCommit(hook)).type.toBe<Effect.Effect<void, SessionClosed, "mailer" | Session.Session<Main>>>()
    expect<Effect.Effect<never, string>>().type.not.toBeAssignableTo<Parameters<typeof Main.afterCommit>[0]>()
  })

  test("the session of one engine is not assignable to that of another", () => {
    expect<Session.Session<Main>>().type.not.toBeAssignableTo<Session.Session<Reports>>()
    expect<Session.Session<Main>>().type.not.toBeAssignableTo<Session.Session<Main | Reports>>()
    expect<Session.Session<Main | Reports>>().type.not.toBeAssignableTo<Session.Session<Main>>()
  })
})

describe("a session that is ended by hand", () => {
  test("needs a scope and its engine", () => {
    expect(Main.open()).type.toBe<Effect.Effect<Session.SessionHandle<Main>, SqlFailure, Main | Scope.Scope>>()
    type Options = NonNullable<Parameters<typeof Main.open>[0]>
    expect<{ nested: "join" }>().type.not.toBeAssignableTo<Options>()
    expect<{ nested: "refuse" }>().type.toBeAssignableTo<Options>()
    expect<"timeout">().type.not.toBeAssignableTo<keyof Options>()
  })

  test("runs what needs its session, and nothing that needs another one", () => {
    const handle = {} as Session.SessionHandle<Main>
    expect(handle.run(inMain)).type.toBe<Effect.Effect<number, SqlFailure>>()
    expect(handle.run(inReports)).type.toBe<Effect.Effect<string, SqlFailure, Session.Session<Reports>>>()
    expect(handle.run(work)).type.toBe<Effect.Effect<number, SqlFailure | "mine", "service">>()
  })
})

test("a session's layer provides the session and asks for the engine", () => {
  expect(Session.layer()).type.toBe<Layer.Layer<Session.Session<Engine.Engine>, SqlFailure, Engine.Engine>>()
  expect(Effect.provide(inMain, Main.sessionLayer())).type.toBe<Effect.Effect<number, SqlFailure, Main>>()
})
