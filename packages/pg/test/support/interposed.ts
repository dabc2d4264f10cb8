/**
 * Somebody between a driver and its server who puts bytes of his own in the place of an answer.
 */
import { Effect } from "effect"
import * as net from "node:net"

export interface Interposed {
  readonly port: number
  /** What the driver hears in the place of the server's next answer. */
  readonly next: (bytes: Buffer) => void
  /** What the driver hears now, asked or not. */
  readonly send: (bytes: Buffer) => Effect.Effect<void>
}

/** Stands before a port of this machine. */
export const interposed = (target: { readonly host: string; readonly port: number }) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ at: Interposed; stop: () => void }>((resume) => {
        let instead: Buffer | undefined
        const clients = new Set<net.Socket>()
        const server = net.createServer((client) => {
          const upstream = net.connect(target.port, target.host)
          const end = () => {
            client.destroy()
            upstream.destroy()
          }
          clients.add(client)
          client.on("data", (chunk) => upstream.write(chunk)).on("error", end).on("close", end)
          upstream.on("error", end).on("close", end).on("data", (chunk: Buffer) => {
            client.write(instead ?? chunk)
            instead = undefined
          })
        })
        server.listen(0, "127.0.0.1", () =>
          resume(Effect.succeed({
            at: {
              port: (server.address() as net.AddressInfo).port,
              next: (bytes) => {
                instead = bytes
              },
              send: (bytes) => Effect.sync(() => clients.forEach((client) => client.write(bytes)))
            },
            stop: () => {
              for (const client of clients) client.destroy()
              server.close()
            }
          })))
      }),
      ({ stop }) => Effect.sync(stop)
    ),
    ({ at }) => at
  )
