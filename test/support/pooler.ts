/**
 * A connection pooler in transaction mode, as PgBouncer is one: each transaction of a client runs on whichever of the
 * server's connections is free, the one that was used last first. Clients are told a process id that no server has.
 *
 * It speaks just enough of the protocol: trust, no TLS, no CancelRequest.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import * as net from "node:net"
import type { TestDatabase } from "./postgres.js"

interface Message {
  readonly type: string
  readonly bytes: Buffer
}

/** Cuts what comes into messages; `first`: the first one has no type. */
const reader = (first: boolean, on: (message: Message) => void) => {
  let rest = Buffer.alloc(0)
  let untyped = first
  return (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = untyped ? 0 : 1
      if (rest.length < head + 4) return
      const length = head + rest.readUInt32BE(head)
      if (rest.length < length) return
      const bytes = rest.subarray(0, length)
      rest = rest.subarray(length)
      const type = untyped ? "startup" : String.fromCharCode(bytes[0]!)
      const ssl = untyped && bytes.readUInt32BE(4) === 80877103
      if (!ssl) untyped = false
      on({ type: ssl ? "ssl" : type, bytes })
    }
  }
}

interface Server {
  readonly socket: net.Socket
  readonly hello: ReadonlyArray<Message>
  client: Client | undefined
}

interface Client {
  readonly socket: net.Socket
  server: Server | undefined
  /** Syncs and queries without an answer. */
  asked: number
  waiting: Array<Buffer>
}

/** A pooler before a database, for as long as the scope lasts; the address clients use. */
export const pooler = (database: TestDatabase): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const idle: Array<Server> = []
        const sockets = new Set<net.Socket>()
        let process = 1_000_000_000

        const connect = (startup: Buffer) =>
          new Promise<Server>((resolve) => {
            const hello: Array<Message> = []
            const socket = net.connect(database.port, database.host).setNoDelay(true)
            sockets.add(socket)
            const server: Server = { socket, hello, client: undefined }
            let ready = false
            const read = reader(false, (message) => {
              if (!ready) {
                hello.push(message)
                if (message.type !== "Z") return
                ready = true
                return resolve(server)
              }
              const { client } = server
              client?.socket.write(message.bytes)
              if (client === undefined || message.type !== "Z" || --client.asked > 0 || message.bytes[5] !== 0x49) {
                return
              }
              client.server = undefined
              server.client = undefined
              idle.push(server)
            })
            socket.on("data", read)
            socket.on("error", () => socket.destroy())
            socket.write(startup)
          })

        const listener = net.createServer((socket) => {
          sockets.add(socket.setNoDelay(true))
          const client: Client = { socket, server: undefined, asked: 0, waiting: [] }
          let startup = Buffer.alloc(0)
          const attach = async () => {
            const server = idle.pop() ?? await connect(startup)
            server.client = client
            client.server = server
            for (const bytes of client.waiting.splice(0)) server.socket.write(bytes)
          }
          const greet = async () => {
            const server = idle.pop() ?? await connect(startup)
            idle.push(server)
            for (const { bytes, type } of server.hello) {
              if (type !== "K") socket.write(bytes)
              else {
                const fake = Buffer.from(bytes)
                fake.writeUInt32BE(++process, 5)
                socket.write(fake)
              }
            }
          }
          const read = reader(true, ({ bytes, type }) => {
            if (type === "ssl") return void socket.write("N")
            if (type === "startup") {
              startup = Buffer.from(bytes)
              return void greet()
            }
            if (type === "X") return void socket.end()
            if (type === "S" || type === "Q") client.asked++
            if (client.server !== undefined) return void client.server.socket.write(bytes)
            client.waiting.push(Buffer.from(bytes))
            if (client.waiting.length === 1) void attach()
          })
          socket.on("data", read)
          socket.on("error", () => socket.destroy())
        })
        listener.listen(0, "127.0.0.1")
        await once(listener, "listening")
        return { listener, sockets }
      }),
      ({ listener, sockets }) =>
        Effect.sync(() => {
          listener.close()
          for (const socket of sockets) socket.destroy()
        })
    ),
    ({ listener }) => {
      const url = new URL(database.url)
      url.hostname = "127.0.0.1"
      url.port = String((listener.address() as net.AddressInfo).port)
      return url.href
    }
  )
