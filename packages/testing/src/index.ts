/**
 * @since 0.1.0
 */
export * as Arbitraries from "./Arbitraries.js"
export * as Faults from "./Faults.js"
export * as Interleavings from "./Interleavings.js"
export * as Outcome from "./Outcome.js"
export * as PgServer from "./PgServer.js"
export * as Sandbox from "./Sandbox.js"
export * as Script from "./Script.js"
export * as ScriptedDriver from "./ScriptedDriver.js"
export * as StatefulSuite from "./StatefulSuite.js"
export * as VirtualClock from "./VirtualClock.js"
