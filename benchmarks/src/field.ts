/**
 * The peers of one database, each in a process of its own: what each race runs them through.
 */
import type { Apart } from "./apart.js"
import type { Course } from "./courses.js"
import { pace } from "./courses.js"
import { race } from "./measure/rounds.js"
import type { Options } from "./options.js"
import type { Peer } from "./peer.js"
import type { Check, Database, Race } from "./results.js"

/** A peer that takes part, with what lets its rows be looked at. */
export interface Runner {
  readonly peer: Peer
  apart: Apart
  /** Takes back what was written. */
  readonly empty: () => Promise<void>
  /** What was written, in one line. */
  readonly digest: () => Promise<string>
}

export const chosen = (peers: ReadonlyArray<Peer>, options: Options) => {
  const wanted = peers.filter((peer, at) =>
    at < 2 || peer.name.startsWith(`${peers[1]!.name},`) || options.includes(peer.name)
  )
  const absent = wanted.flatMap((peer) => {
    const why = peer.missing?.()
    return why === undefined ? [] : [{ peer: peer.name, why }]
  })
  return { taking: wanted.filter(({ name }) => absent.every(({ peer }) => peer !== name)), absent }
}

/** Runs a course at one concurrency, and compares what was written. */
export const run = async (
  database: Database,
  course: Course,
  concurrency: number,
  line: Race["line"],
  runners: ReadonlyArray<Runner>,
  quick: boolean
): Promise<{ readonly race: Race; readonly check: Check | undefined }> => {
  const { key } = course
  const taking = runners.filter(({ apart }) => apart.can(key))
  const plan = {
    ...pace(quick, line === "slow", concurrency === course.concurrencies[0]),
    concurrency,
    most: course.most,
    fewest: Math.max(course.most <= 20 ? 1 : line === "slow" ? 10 : 40, concurrency)
  }
  const { count, timed } = await race(
    taking.map(({ apart, empty, peer }) => ({
      name: peer.name,
      warm: (count, concurrency, millis) => apart.warm(key, count, concurrency, millis),
      time: (span) => apart.time(key, span),
      empty: async () => {
        if (course.writes) await empty()
      }
    })),
    plan
  )
  const result: Race = { database, work: course.work, concurrency, line, count, timed }
  if (!course.writes) return { race: result, check: undefined }
  const finished = taking.filter(({ peer }) =>
    peer.name !== "pgbench" && timed.find(({ name }) => name === peer.name)?.failure === undefined
  )
  const digests: Array<readonly [name: string, digest: string]> = []
  for (const { digest, peer } of finished) digests.push([peer.name, await digest()])
  const different = digests.filter(([, digest]) => digest !== digests[0]![1]).map(([name]) => name)
  return { race: result, check: { database, work: course.work, concurrency, compared: digests.length, different } }
}
