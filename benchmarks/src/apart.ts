/**
 * A peer in a process of its own, as it would be in an application: neither its garbage nor what the compiler has made of
 * its code is another's.
 */
import { type ChildProcess, fork } from "node:child_process"
import type { Burst } from "./measure/burst.js"
import type { Span, Taken } from "./measure/time.js"
import type { Running } from "./peer.js"
import type { Database } from "./results.js"

export type Key = Exclude<keyof Running, "close">

/** What a peer's process is told. */
export type Command =
  | {
    readonly _tag: "open"
    readonly database: Database
    readonly peer: string
    readonly address: string
    readonly pool: number
  }
  /** Batches of so many, for so long. */
  | {
    readonly _tag: "warm"
    readonly key: Key
    readonly count: number
    readonly concurrency: number
    readonly millis: number
  }
  | { readonly _tag: "time"; readonly key: Key } & Span
  | { readonly _tag: "burst"; readonly key: Key; readonly from: number; readonly count: number }
  | { readonly _tag: "close" }

export type Answer = { readonly value: unknown } | { readonly failure: string }

/** V8 makes the heap of a process small that has nothing to do; here it has, and waits only for the others' turns. */
const flags = ["--expose-gc", "--no-memory-reducer"]

export class Apart {
  private constructor(private readonly child: ChildProcess) {}

  /** What it can do. */
  private keys: ReadonlyArray<string> = []

  static async open(database: Database, peer: string, address: string, pool: number): Promise<Apart> {
    const apart = new Apart(fork(new URL("./child.js", import.meta.url), { execArgv: flags }))
    apart.keys = await apart.ask<ReadonlyArray<string>>({ _tag: "open", database, peer, address, pool })
    return apart
  }

  /** One question at a time. */
  private ask<A>(command: Command): Promise<A> {
    const { child } = this
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`its process ended with ${code}`))
      child.once("exit", ended)
      child.once("message", (answer: Answer) => {
        child.off("exit", ended)
        if ("failure" in answer) reject(new Error(answer.failure))
        else resolve(answer.value as A)
      })
      child.send(command)
    })
  }

  can(key: Key): boolean {
    return this.keys.includes(key)
  }

  warm(key: Key, count: number, concurrency: number, millis: number): Promise<void> {
    return this.ask({ _tag: "warm", key, count, concurrency, millis })
  }

  time(key: Key, span: Span): Promise<Taken> {
    return this.ask({ _tag: "time", key, ...span })
  }

  burst(key: Key, from: number, count: number): Promise<Burst> {
    return this.ask({ _tag: "burst", key, from, count })
  }

  /** Closes its connections, and ends the process: the pools of some peers would keep it for a while. */
  async close(): Promise<void> {
    await this.ask({ _tag: "close" })
    this.child.disconnect()
  }
}
