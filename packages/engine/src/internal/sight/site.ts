/**
 * Where in the program something was asked for. A fiber's stack holds nothing of the program, so it is noted where an
 * effect is built; that costs, so only while an engine with leak detection is open.
 */

/** Asked for when a leak is reported. */
export type Site = () => string | undefined

let wanted = 0

/** Sites are noted from now on, until what comes back is called. */
export const want = (): () => void => {
  wanted++
  let over = false
  return () => {
    if (!over) wanted--
    over = true
  }
}

const frames = 3

/** Options with the place that called `caller`, when anybody wants to know. */
export const placed = <Options extends object>(
  options: Options,
  caller: (...args: ReadonlyArray<any>) => unknown
): Options & { readonly site?: Site } => {
  const site = siteOf(caller)
  return site === undefined ? options : { ...options, site }
}

/** The place that called `caller`, when anybody wants to know. */
export const siteOf = (caller: (...args: ReadonlyArray<any>) => unknown): Site | undefined => {
  if (wanted === 0) return undefined
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = frames
  const trace: { stack?: string } = {}
  Error.captureStackTrace?.(trace, caller)
  Error.stackTraceLimit = stackTraceLimit
  // The text is made when it is first read, not before.
  return () => read(trace.stack)
}

const read = (stack: string | undefined): string | undefined => {
  const lines = (stack ?? "").split("\n").map((line) => line.trim()).filter((line) => line.startsWith("at "))
  return lines.length === 0 ? undefined : lines.map((line) => line.slice("at ".length)).join(" < ")
}
