/**
 * One attempt to reach one server, with TLS or without: from the first byte to the first ReadyForQuery. Interrupted, it
 * closes the socket at once.
 */
import { Effect } from "effect"
import * as net from "node:net"
import { Reported } from "./dirt.js"
import { guardIncoming } from "./incoming.js"
import { Link } from "./link.js"
import { PreparedStatements } from "./preparedStatements.js"
import type { Endpoint, Settings } from "./settings.js"
import { tlsOptions } from "./tls.js"
import { newClient } from "./wire.js"

/** An attempt that did not work out. */
export interface Refusal {
  readonly error: Error
}

// Shown to node-postgres in the place of a name, so that it tells the server none (no SNI).
const unnamed = "0.0.0.0"

/** Dials. `password` is what the password's effect gave for this connection; `message` is the startup message. */
export const dial = (
  settings: Settings,
  endpoint: Endpoint,
  secure: boolean,
  password: string | undefined,
  message: Settings["startup"]["message"]
): Effect.Effect<Link, Refusal> =>
  Effect.async<Link, Refusal>((resume) => {
    const socket = new net.Socket()
    // node-postgres says where to connect to, and we know better: it has no words for `hostaddr` and abstract sockets.
    const connect = socket.connect.bind(socket) as (address: net.NetConnectOpts) => net.Socket
    socket.connect = (() => connect(endpoint.address)) as typeof socket.connect
    const tls = secure ? tlsOptions(settings.tls, settings.sslMode, endpoint.host) : undefined
    const bound = { offered: false }
    const client = newClient({
      host: settings.tls.sni || !secure ? endpoint.host : unnamed,
      port: endpoint.port,
      user: settings.user,
      database: settings.database,
      // A function, because node-postgres looks for a password in the environment and in files when it is given none.
      password: () => password,
      // A copy: node-postgres hides the key in what it is given.
      ssl: tls === undefined ? false : { ...tls },
      sslnegotiation: "postgres",
      enableChannelBinding: secure && settings.channelBinding !== "disable",
      keepAlive: settings.keepAlive && !endpoint.socket,
      keepAliveInitialDelayMillis: settings.keepAliveIdleMillis,
      stream: () => socket,
      pipeline: true
    })
    guardIncoming(client.connection)
    client.getStartupConf = () => message
    const parameters = new Reported()
    client.connection.on("parameterStatus", (message: { parameterName: string; parameterValue: string }) =>
      parameters.set(message.parameterName, message.parameterValue))
    client.connection.on("authenticationSASL", (message: { mechanisms: ReadonlyArray<string> }) => {
      bound.offered = message.mechanisms.includes("SCRAM-SHA-256-PLUS")
    })
    const destroy = () => {
      socket.destroy()
      client.connection.stream.destroy()
    }
    // Without a listener an error that comes late would end the process.
    client.on("error", () => {})
    let handed = false
    client.connect((error) => {
      const refusal = error ??
        (settings.channelBinding === "require" && !bound.offered
          ? new Error("channel binding is required, and the server did not offer it")
          : undefined)
      if (refusal !== undefined) {
        destroy()
        return resume(Effect.fail({ error: refusal }))
      }
      const link = new Link({
        client,
        destroy,
        parameters,
        cancelTarget: {
          // Not the name: behind it may be several servers, and the signal is for this one.
          address: socket.remoteAddress === undefined
            ? endpoint.address
            : { host: socket.remoteAddress, port: endpoint.port },
          tls,
          processId: client.processID ?? 0,
          secretKey: client.secretKey ?? 0
        }
      }, new PreparedStatements(settings.preparedStatements))
      resume(Effect.sync(() => {
        handed = true
        return link
      }))
    })
    return Effect.sync(() => {
      if (!handed) {
        destroy()
      }
    })
  })
