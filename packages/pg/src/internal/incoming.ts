/**
 * What comes from the server, on its way out of the socket. Whatever is thrown there would end the process, so nothing is:
 * a message that cannot be taken in ends its connection, and no other.
 */
import { constants } from "node:buffer"
import type { Duplex } from "node:stream"
import { parse } from "pg-protocol"
import type { WireConnection } from "./wire.js"

/** A message of the server that cannot be taken in. */
export class Unintelligible extends Error {
  override readonly name = "Unintelligible"

  constructor(
    /** It holds a value that is too long for a string of JavaScript. */
    readonly tooLong: boolean
  ) {
    super(
      tooLong
        ? `the server sent a value of more than ${constants.MAX_STRING_LENGTH} bytes, JavaScript's longest string`
        : "the server sent a message that cannot be understood"
    )
  }
}

const isTooLong = (cause: unknown): boolean =>
  cause instanceof Error && (cause as NodeJS.ErrnoException).code === "ERR_STRING_TOO_LONG"

/** Makes a connection of node-postgres read its socket so. */
export const guardIncoming = (connection: WireConnection): void => {
  connection.attachListeners = (stream: Duplex) => {
    const source = {
      on: (event: string, listener: (chunk: Buffer) => void) => {
        if (event !== "data") return stream.on(event, listener)
        let ended = false
        return stream.on("data", (chunk: Buffer) => {
          if (ended) return
          try {
            listener(chunk)
          } catch (cause) {
            ended = true
            connection.emit("error", new Unintelligible(isTooLong(cause)))
          }
        })
      }
    }
    void parse(source as unknown as NodeJS.ReadableStream, (message: { readonly name: string }) => {
      connection.emit(message.name === "error" ? "errorMessage" : message.name, message)
    })
  }
}
