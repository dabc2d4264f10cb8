/**
 * The messages of an exchange as bytes, put together into one piece: a socket that is written to once is written to at
 * less cost than one that is given message after message.
 */
import { serialize } from "pg-protocol"
import type { WireValue } from "./values/encode.js"

const syncMessage = serialize.sync()
const flushMessage = serialize.flush()

/** What is sent again and again, as bytes that were made once: BEGIN, COMMIT, savepoints by their number. */
const remembered = new Map<string, Buffer>()
const capacity = 500

/** A statement without a name, a value or a row to come back. */
const plain = (sql: string): Buffer => {
  const known = remembered.get(sql)
  if (known !== undefined) return known
  const bytes = Buffer.concat([
    serialize.parse({ text: sql }),
    serialize.bind({}),
    serialize.execute({})
  ])
  if (remembered.size >= capacity) remembered.clear()
  remembered.set(sql, bytes)
  return bytes
}

/** Collects the messages of one exchange. */
export class Messages {
  private readonly parts: Array<Buffer> = []

  close(type: "P" | "S", name: string): void {
    this.parts.push(serialize.close({ type, name }))
  }

  /** A statement with nothing to it but its text. */
  plain(sql: string): void {
    this.parts.push(plain(sql))
  }

  /** `types`: of the parameters, as OIDs; those that are not given are the server's to find. */
  parse(name: string, text: string, types: ReadonlyArray<number>): void {
    this.parts.push(serialize.parse({ name, text, types: types as Array<any> }))
  }

  bind(portal: string, statement: string, values: ReadonlyArray<WireValue>): void {
    this.parts.push(serialize.bind({ portal, statement, values: values as Array<unknown> }))
  }

  describe(type: "P" | "S", name: string): void {
    this.parts.push(serialize.describe({ type, name }))
  }

  execute(portal: string, rows: number): void {
    this.parts.push(serialize.execute({ portal, rows }))
  }

  /** What was answered up to here is sent back now, and not first at the Sync. */
  flush(): void {
    this.parts.push(flushMessage)
  }

  /** All of it, and the Sync at its end. */
  bytes(): Buffer {
    this.parts.push(syncMessage)
    return Buffer.concat(this.parts)
  }
}
