/**
 * The parts of node-postgres this driver stands on, typed as they are: `@types/pg` leaves out what a `Submittable` needs.
 */
import type { Duplex } from "node:stream"
import { Client, type CustomTypesConfig, Query, Result, types } from "pg"
import type { ServerError } from "./failure.js"

/** A connection of node-postgres: writes protocol messages, emits the answers. */
export interface WireConnection {
  readonly stream: Duplex
  on(event: string, listener: (message: any) => void): unknown
  emit(event: string, message: unknown): unknown
  /** Reads messages from a stream, and emits each. */
  attachListeners: (stream: Duplex) => void
  query(text: string): void
  sync(): void
  sendCopyFail(reason: string): void
}

/** A client of node-postgres. */
export interface WireClient {
  readonly connection: WireConnection
  readonly processID: number | null
  readonly secretKey: number | null
  getStartupConf: () => Readonly<Record<string, string>>
  connect(callback: (error: Error | null) => void): void
  query(query: object): unknown
  end(): Promise<void>
  on(event: string, listener: (value: any) => void): unknown
}

/** A result of node-postgres: what `raw` hands out. */
export interface WireResult {
  addFields(fields: ReadonlyArray<any>): void
  parseRow(fields: ReadonlyArray<string | null>): unknown
  readonly rows: ReadonlyArray<unknown>
  addRow(row: unknown): void
  addCommandComplete(message: { readonly text: string }): void
}

/** Finds the parser for a type of the server. */
export type Types = CustomTypesConfig

export const newResult = (types: Types): WireResult =>
  new (Result as unknown as new(mode: undefined, types: Types) => WireResult)(undefined, types)

export const newClient = (config: object): WireClient =>
  new (Client as unknown as new(config: object) => WireClient)(config)

export const defaultTypes: Types = types

const parserOf = (oid: number): (text: string) => unknown => types.getTypeParser(oid, "text")

/** OIDs of the types that node-postgres has parsers for are below it. */
const lastParsed = 4_000

/** node-postgres's own parsers, as they were before a program could set others. */
const own = new Map(Array.from({ length: lastParsed }, (_, oid) => [oid, parserOf(oid)]))

const verbatim = parserOf(0)

/** node-postgres's own parser of a type. */
export const nodePostgresParser = (oid: number): (text: string) => unknown => own.get(oid) ?? verbatim

/** Whether this is what node-postgres reads a type with when nobody has given it anything else. */
export const isNodePostgresParser = (oid: number, parser: (text: string) => unknown): boolean =>
  parser === nodePostgresParser(oid)

/**
 * Makes a class one that a pipelined client accepts: it asks for instances of its own `Query`. Nothing of that is used,
 * so its constructor, which builds an emitter and a result, is not run for each statement.
 */
export const acceptedAsQuery = (submittable: { readonly prototype: Answers }): void => {
  Object.setPrototypeOf(submittable.prototype, Query.prototype)
}

/** The answers that a client hands to the query they belong to. */
export interface Answers {
  submit(connection: WireConnection): null
  handleRowDescription(message: { readonly fields: ReadonlyArray<any> }): void
  handleDataRow(message: { readonly fields: ReadonlyArray<string | null> }): void
  handlePortalSuspended(connection: WireConnection): void
  handleCommandComplete(message: { readonly text: string }, connection: WireConnection): void
  handleEmptyQuery(connection: WireConnection): void
  handleCopyInResponse(connection: WireConnection): void
  handleCopyData(): void
  handleError(error: ServerError & Error): void
  handleReadyForQuery(): void
}
