/**
 * CancelRequest: a connection of its own, made the way the one it speaks of was made, that carries one message and no
 * answer but its end. The server has sent the signal by the time it closes.
 *
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
import * as net from "node:net"
import * as tls from "node:tls"

/** Where a backend is, and what it must be told to believe us. */
export interface CancelTarget {
  readonly address: net.NetConnectOpts
  /** The TLS options of the connection, when it has TLS. */
  readonly tls: tls.ConnectionOptions | undefined
  readonly processId: number
  readonly secretKey: number
}

/**
 * How a request ended: `no` was never sent, `yes` was taken by the server, and after `maybe` a signal may still be on
 * its way.
 */
export type CancelOutcome = "no" | "yes" | "maybe"

const requestTls = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

const cancelMessage = (target: CancelTarget): Buffer => {
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(80_877_102, 4)
  message.writeInt32BE(target.processId, 8)
  message.writeInt32BE(target.secretKey, 12)
  return message
}

/**
 * Sends a request unless `stillWanted` says no at the moment it could be sent. `done` is called once. The returned
 * function gives it up.
 */
export const sendCancel = (
  target: CancelTarget,
  timeoutMillis: number,
  stillWanted: () => boolean,
  done: (outcome: CancelOutcome) => void
): () => void => {
  let written = false
  let over = false
  const socket = net.connect(target.address)
  let secure: tls.TLSSocket | undefined
  const finish = (outcome: CancelOutcome) => {
    if (over) return
    over = true
    clearTimeout(timer)
    secure?.destroy()
    socket.destroy()
    done(outcome)
  }
  const giveUp = () => finish(written ? "maybe" : "no")
  const timer = setTimeout(giveUp, timeoutMillis)
  timer.unref()
  const send = (stream: net.Socket) => {
    if (!stillWanted()) return finish("no")
    written = true
    stream.write(cancelMessage(target))
  }
  const ended = () => finish(written ? "yes" : "no")
  socket.setNoDelay(true)
  socket.on("error", giveUp)
  socket.on("close", ended)
  if (target.tls === undefined) {
    // The server sends nothing here; without a reader its end would never be seen.
    socket.once("connect", () => send(socket)).on("end", ended).resume()
  } else {
    const options = target.tls
    socket.once("connect", () => socket.write(requestTls))
    socket.once("data", (answer) => {
      if (answer[0] !== 0x53) return giveUp()
      secure = tls.connect({ ...options, socket })
      secure.on("error", giveUp).on("end", ended).on("close", ended)
      secure.once("secureConnect", () => send(secure!)).resume()
    })
  }
  return giveUp
}
