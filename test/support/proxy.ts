/**
 * A TCP proxy between a driver and its server: counts round trips, and fails on demand.
 */
import { Effect } from "effect"
import * as net from "node:net"

/** What a proxy can do to the connections through it. */
export interface Proxy {
  readonly port: number
  /** Times the client spoke and then heard the server, since the last `reset`. */
  readonly trips: () => number
  readonly reset: () => void
  /** Client messages seen, as one string of their type bytes: `PBDES`. The startup message is left out. */
  readonly messages: () => string
  /** Connections made through it, and those open now. */
  readonly connections: () => number
  readonly open: () => number
  /** Cuts every connection. */
  readonly cut: () => void
  /** Cuts each connection when the client next sends something, before (`true`) or after it was passed on. */
  cutOnSend: "before" | "after" | undefined
  /** Answers what a client sends with a reset. */
  resetOnSend: boolean
  /** How long what a client says on a new connection is kept before it is passed on. */
  delayMillis: number
  /** Passes nothing on, either way. */
  blackHole: boolean
  /**
   * Passes so many more bytes, both ways together, on whichever connection speaks, and cuts that one at the next. Then
   * the proxy is as it was. What was heard and passed is counted from here.
   */
  readonly cutAt: (bytes: number) => void
  /** Bytes passed on since the last `cutAt`. */
  readonly passed: () => number
  /** What clients have said since the last `cutAt`, passed on or not. */
  readonly heard: () => string
  /**
   * Keeps what the server says, its end too, until `release`; what the client says is dropped, or passed on where only
   * `answers` are held.
   */
  readonly hold: (what?: "answers") => void
  readonly release: () => void
}

/** A proxy before a port of this machine. */
export const proxy = (target: { readonly host: string; readonly port: number }) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ proxy: Proxy; stop: () => void }>((resume) => {
        let trips = 0
        let made = 0
        let spoke = false
        let messages = ""
        const pairs = new Set<readonly [net.Socket, net.Socket]>()
        let held: Array<() => void> | undefined
        let deaf = false
        let limit = Infinity
        let passed = 0
        let heard = ""
        /** What of a chunk may still be passed on; less than all of it means the end. */
        const allowed = (chunk: Buffer): Buffer => {
          const part = chunk.subarray(0, Math.max(0, limit - passed))
          passed += part.length
          if (part.length < chunk.length) limit = Infinity
          return part
        }
        const server = net.createServer((client) => {
          made++
          const upstream = net.connect(target.port, target.host)
          const pair = [client, upstream] as const
          pairs.add(pair)
          let startup = true
          let cutting = false
          const last = (part: Buffer, to: net.Socket) => {
            cutting = true
            if (part.length === 0) end()
            else to.write(part, end)
          }
          const delay = proxy.delayMillis
          const end = () => {
            client.destroy()
            upstream.destroy()
            pairs.delete(pair)
          }
          client.setNoDelay(true)
          upstream.setNoDelay(true)
          client.on("data", (chunk: Buffer) => {
            if (cutting || proxy.blackHole || deaf) return
            if (limit !== Infinity) {
              heard += chunk.toString("latin1")
              const part = allowed(chunk)
              if (part.length < chunk.length) {
                return last(part, upstream)
              }
            }
            if (!startup) {
              for (let at = 0; at + 5 <= chunk.length; at += 1 + chunk.readUInt32BE(at + 1)) {
                messages += String.fromCharCode(chunk[at]!)
              }
            }
            startup = false
            spoke = true
            if (proxy.resetOnSend) return client.resetAndDestroy()
            if (proxy.cutOnSend === "before") return end()
            const pass = () =>
              upstream.write(chunk, () => {
                if (proxy.cutOnSend === "after") end()
              })
            if (delay === 0) pass()
            else setTimeout(pass, delay)
          })
          upstream.on("data", (chunk) => {
            if (cutting || proxy.blackHole || proxy.cutOnSend === "after") return
            if (spoke) trips++
            spoke = false
            if (limit !== Infinity) {
              const part = allowed(chunk)
              if (part.length < chunk.length) {
                return last(part, client)
              }
            }
            if (held !== undefined) held.push(() => client.write(chunk))
            else client.write(chunk)
          })
          upstream.on("error", end).on("close", () => held === undefined ? end() : held.push(() => client.end(end)))
          client.on("error", end).on("close", end)
        })
        const proxy: Proxy = {
          get port() {
            return (server.address() as net.AddressInfo).port
          },
          trips: () => trips,
          reset: () => {
            trips = 0
            messages = ""
          },
          messages: () => messages,
          connections: () => made,
          open: () => pairs.size,
          cut: () => {
            for (const [client, upstream] of [...pairs]) {
              client.destroy()
              upstream.destroy()
            }
          },
          cutOnSend: undefined,
          resetOnSend: false,
          delayMillis: 0,
          blackHole: false,
          cutAt: (bytes) => {
            limit = bytes
            passed = 0
            heard = ""
          },
          passed: () => passed,
          heard: () => heard,
          hold: (what) => {
            held = []
            deaf = what === undefined
          },
          release: () => {
            const waiting = held ?? []
            held = undefined
            deaf = false
            for (const deliver of waiting) deliver()
          }
        }
        server.listen(0, "127.0.0.1", () =>
          resume(Effect.succeed({
            proxy,
            stop: () => {
              proxy.cut()
              server.close()
            }
          })))
      }),
      ({ stop }) => Effect.sync(stop)
    ),
    ({ proxy }) => proxy
  )
