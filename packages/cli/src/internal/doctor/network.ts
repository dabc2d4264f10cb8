/**
 * The way to a PostgreSQL server, one step at a time: does the name mean an address, does anybody listen there.
 */
import { Effect } from "effect"
import type { EngineUrl } from "effect-sql-engine"
import { lookup } from "node:dns/promises"
import * as net from "node:net"
import type { Check } from "./check.js"
import { fail, pass, skip } from "./check.js"

const limitMillis = 5_000

interface Place {
  readonly host: string | undefined
  readonly port: number
}

const placesOf = (url: EngineUrl.PostgresUrl): ReadonlyArray<Place> =>
  url.endpoints.map(({ host, hostaddr, port }) => ({ host: hostaddr ?? host, port }))

const isSocket = (host: string): boolean => host.startsWith("/") || host.startsWith("@")

/** Whether the names of the hosts mean addresses. */
export const names = (url: EngineUrl.PostgresUrl): Effect.Effect<Check> =>
  Effect.gen(function*() {
    const hosts = placesOf(url).flatMap(({ host }) =>
      host === undefined || isSocket(host) || net.isIP(host) !== 0 ? [] : [host]
    )
    if (hosts.length === 0) return skip("dns", "the address has no name to look up")
    const found = yield* Effect.forEach(hosts, (host) =>
      Effect.tryPromise(() => lookup(host, { all: true })).pipe(
        Effect.timeout(limitMillis),
        Effect.map((all) => ({ host, addresses: all.map(({ address }) => address) })),
        Effect.orElseSucceed(() => ({ host, addresses: [] as ReadonlyArray<string> }))
      ))
    const unknown = found.filter(({ addresses }) => addresses.length === 0).map(({ host }) => host)
    if (unknown.length < found.length) {
      const known = found.filter(({ addresses }) => addresses.length > 0)
      return pass("dns", known.map(({ addresses, host }) => `${host} is ${addresses.join(", ")}`).join("; "))
    }
    return fail(
      "dns",
      `nobody knows the name ${unknown.join(", ")}`,
      "Correct the host, or look whether this machine reaches the network the name belongs to.",
      5
    )
  })

/** Whether anybody takes a connection there; a word why not. */
const dial = ({ host = "localhost", port }: Place): Effect.Effect<string | undefined> =>
  Effect.async<string | undefined>((resume) => {
    const socket = isSocket(host) ? net.connect(`${host}/.s.PGSQL.${port}`) : net.connect(port, host)
    socket.once("connect", () => resume(Effect.succeed(undefined)))
    socket.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.tap(() => Effect.void),
    Effect.timeoutTo({
      duration: limitMillis,
      onSuccess: (why) => why,
      onTimeout: () => `no answer in ${limitMillis} ms`
    })
  )

/** Whether anybody listens at one of the places. */
export const connect = (url: EngineUrl.PostgresUrl): Effect.Effect<Check> =>
  Effect.gen(function*() {
    const tried: Array<string> = []
    for (const place of placesOf(url)) {
      const where = `${place.host ?? "localhost"}:${place.port}`
      const why = yield* dial(place)
      if (why === undefined) return pass("connect", `somebody listens at ${where}`)
      tried.push(`${where} (${why})`)
    }
    return fail(
      "connect",
      `nobody answers at ${tried.join(", ")}`,
      "Start the server, or correct host and port; a firewall may stand between. --wait waits for it.",
      5
    )
  })
