/**
 * Hosts that are no servers: one that accepts and says nothing, one that answers every startup with an error.
 */
import { Effect, type Scope } from "effect"
import * as net from "node:net"

/** A host, and the connections to it that are open. */
export interface FakeServer {
  readonly host: string
  readonly port: number
  readonly open: () => number
}

const listen = (onConnection: (socket: net.Socket) => void): Effect.Effect<FakeServer, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ server: net.Server; sockets: Set<net.Socket> }>((resume) => {
        const sockets = new Set<net.Socket>()
        const server = net.createServer((socket) => {
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy())
          onConnection(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        })
    ),
    ({ server, sockets }) => ({
      host: "127.0.0.1",
      port: (server.address() as net.AddressInfo).port,
      open: () => sockets.size
    })
  )

/** Accepts, and says nothing. */
export const silent = listen((socket) => socket.resume())

/** Has no TLS, and refuses everybody with an error of this code. */
export const refusing = (code: string, message: string) =>
  listen((socket) => {
    socket.on("data", (chunk: Buffer) => {
      if (chunk.readInt32BE(4) === 80_877_103) return socket.write("N")
      const fields = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`)
      const head = Buffer.alloc(5)
      head.write("E")
      head.writeInt32BE(fields.length + 4, 1)
      return socket.end(Buffer.concat([head, fields]))
    })
  })

/** A port nobody listens on. */
export const closedPort = Effect.scoped(Effect.map(silent, ({ port }) => port))
