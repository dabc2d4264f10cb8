/**
 * What an address may ask for and this driver cannot do. Asking for it is refused, because going on without would break a
 * promise: about who may listen, who may answer, or what the bytes mean.
 */
import type { PostgresUrl } from "effect-sql-engine/EngineUrl"

/** An option that does not fit, and why. */
export interface Problem {
  readonly field: string
  readonly problem: string
}

type Parameters = PostgresUrl["parameters"]

const refused: {
  readonly [K in keyof Parameters]?: (value: NonNullable<Parameters[K]>) => string | undefined
} = {
  sslnegotiation: (value) => value === "direct" ? "node-postgres asks for TLS first: leave it out" : undefined,
  sslcrldir: () => "is not read: name one file in sslcrl",
  sslcertmode: (value) => value === "require" ? "whether the server took our certificate cannot be told" : undefined,
  gssencmode: (value) => value === "require" ? "GSSAPI encryption is not supported" : undefined,
  require_auth: () => "the server's choice of authentication cannot be restricted; see channel_binding",
  requirepeer: () => "the owner of a socket's server cannot be checked",
  passfile: () => "is not read: give the password, or an effect that reads it",
  scram_client_key: () => "is not supported: give the password",
  scram_server_key: () => "is not supported: give the password",
  oauth_issuer: () => "OAuth is not supported",
  oauth_client_id: () => "OAuth is not supported",
  oauth_client_secret: () => "OAuth is not supported",
  min_protocol_version: (value) => value === "3.0" ? undefined : "this driver speaks protocol 3.0",
  client_encoding: (value) => /^(auto|utf-?8)$/i.test(value) ? undefined : "this driver speaks UTF8",
  replication: (value) => /^(false|off|no|0)$/i.test(value) ? undefined : "replication connections are not supported"
}

/** The parameters that are refused. */
export const unsupported = (parameters: Parameters): ReadonlyArray<Problem> =>
  (Object.keys(refused) as Array<keyof Parameters>).flatMap((field) => {
    const value = parameters[field]
    const problem = value === undefined ? undefined : refused[field]!(value as never)
    return problem === undefined ? [] : [{ field, problem }]
  })
