/**
 * A health report as JSON. Without details it says what a probe and whoever reads its log need; with them also what
 * an operator wants to see. Neither shows a password or a value, and only details show names of hosts and versions.
 */
import type { EngineReport, HealthReport } from "../../Health.js"

const failureOf = ({ failure }: EngineReport, details: boolean) =>
  failure === undefined ? undefined : {
    tag: failure._tag,
    ...("code" in failure ? { code: failure.code } : undefined),
    ...(details ? { message: failure.message } : undefined)
  }

const engineOf = (report: EngineReport, details: boolean) => ({
  engine: report.engine,
  status: report.status,
  failure: failureOf(report, details),
  connectMillis: report.connectMillis,
  latencyMillis: report.latencyMillis,
  schema: report.schema?.map(({ current, migrations, set, version }) => ({
    set,
    version: version ?? null,
    current,
    notApplied: migrations.filter(({ state }) => state === "pending" || state === "outOfOrder").length
  })),
  ...(details ? { serverVersion: report.serverVersion, stats: report.stats } : undefined)
})

/** What is absent is left out. */
export const toJson = (report: HealthReport, details: boolean) => ({
  status: report.status,
  engines: report.engines.map((engine) => engineOf(engine, details))
})
