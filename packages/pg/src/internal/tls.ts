/**
 * TLS as libpq means it: which modes to try in which order, and what is checked in each.
 */
import { Redacted } from "effect"
import * as fs from "node:fs"
import * as net from "node:net"
import type { ConnectionOptions } from "node:tls"
import type { SslMode, SslOptions } from "../PgConfig.js"

/** The certificates and limits of every TLS connection of a driver. */
export interface TlsSettings {
  readonly options: ConnectionOptions
  readonly sni: boolean
}

/** Reads the files; what cannot be read is a problem of the options. */
export const readTls = (ssl: SslOptions, problem: (field: string, problem: string) => void): TlsSettings => {
  const pem = (field: "ca" | "crl" | "cert" | "key"): string | undefined => {
    const given = ssl[field]
    const text = Redacted.isRedacted(given) ? Redacted.value(given) : given
    if (text === undefined || text === "system" || text.includes("-----BEGIN")) {
      return text === "system"
        ? undefined
        : text
    }
    if (ssl.mode === "disable") return undefined
    try {
      return fs.readFileSync(text, "utf8")
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      problem(`ssl.${field}`, `the file ${field === "key" ? "of the key" : text} cannot be read (${code})`)
      return undefined
    }
  }
  const [ca, crl, cert, key] = [pem("ca"), pem("crl"), pem("cert"), pem("key")]
  return {
    sni: ssl.sni ?? true,
    options: {
      minVersion: ssl.minVersion ?? "TLSv1.2",
      ...(ssl.maxVersion === undefined ? {} : { maxVersion: ssl.maxVersion }),
      ...(ca === undefined ? {} : { ca }),
      ...(crl === undefined ? {} : { crl }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ssl.passphrase === undefined ? {} : { passphrase: Redacted.value(ssl.passphrase) })
    }
  }
}

/** Whether a connection is tried with TLS, in the order of trying. */
export const attempts = (mode: SslMode, socket: boolean): ReadonlyArray<boolean> => {
  if (socket || mode === "disable") return [false]
  if (mode === "allow") return [false, true]
  return mode === "prefer" ? [true, false] : [true]
}

/** The options of one connection. */
export const tlsOptions = (tls: TlsSettings, mode: SslMode, host: string): ConnectionOptions => ({
  ...tls.options,
  ...(mode === "verify-full"
    ? { rejectUnauthorized: true }
    : mode === "verify-ca"
    ? { rejectUnauthorized: true, checkServerIdentity: () => undefined }
    : { rejectUnauthorized: false }),
  host,
  ...(tls.sni && net.isIP(host) === 0 ? { servername: host } : {})
})
