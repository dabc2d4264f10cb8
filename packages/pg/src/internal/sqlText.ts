/**
 * What a statement's text gives away before it is sent: whether it is several statements, and whether it may leave
 * something behind on the connection that no command tag would tell.
 *
 * In doubt the answer is the careful one: a needless reset costs one round trip, a forgotten one a leak.
 */

/** What is known of a text. */
export interface Traits {
  /** Several statements: only the simple protocol takes them. */
  readonly script: boolean
  /** Sets something for longer than the transaction, makes temporary objects, takes session locks, … */
  readonly leaves: boolean
  /** May have made prepared statements under names that are not ours. */
  readonly prepares: boolean
  /** Cannot be undone by anything but closing the connection. */
  readonly spoils: boolean
  /** Every SET in it ends with the transaction. */
  readonly setsLocally: boolean
  /** Asks for a read-only transaction. */
  readonly readOnly: boolean
  /** A control word, SET or COPY: nothing may be sent behind it on our own account. */
  readonly steers: boolean
  /** Run by a plan, all of it: what it returns is fixed when it is prepared. */
  readonly planned: boolean
  /** May make the server forget what was prepared. */
  readonly forgets: boolean
  /** May change what other texts return: the columns of a table, or what a name stands for. */
  readonly reshapes: boolean
  /** A COPY whose rows come from the client, or go to it. */
  readonly copies: "FROM STDIN" | "TO STDOUT" | undefined
  /** Plainly a query: stopping it half-way undoes nothing. */
  readonly reads: boolean
  /** What in it certainly needs a connection of the server that stays with its client: `SET`, `LISTEN`, … */
  readonly holds: string | undefined
}

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y

const lineEnd = /[\r\n]/g

/**
 * The text in lower case without comments, and without the contents of string literals and dollar quotes. Names in
 * quotes stay, without their quotes. An unfinished quote or comment runs to the end, as it does for the server.
 */
export const significant = (sql: string): string => {
  let out = ""
  let at = 0
  const end = sql.length
  const until = (close: string, from: number) => {
    const found = sql.indexOf(close, from)
    return found === -1 ? end : found + close.length
  }
  while (at < end) {
    const char = sql[at]!
    if (char === "-" && sql[at + 1] === "-") {
      lineEnd.lastIndex = at
      at = lineEnd.test(sql) ? lineEnd.lastIndex : end
      out += " "
    } else if (char === "/" && sql[at + 1] === "*") {
      at = skipComment(sql, at)
      out += " "
    } else if (char === "'") {
      const escapes = /[eE]/.test(sql[at - 1] ?? "") && !/[\w$]/.test(sql[at - 2] ?? "")
      at = skipLiteral(sql, at, escapes)
      out += "''"
    } else if (char === "\"") {
      const close = skipQuoted(sql, at)
      out += sql.slice(at + 1, close - 1).replace(/[^\w]/g, "_")
      at = close
    } else if (char === "$" && !/[\w$]/.test(sql[at - 1] ?? "")) {
      dollarTag.lastIndex = at
      const tag = dollarTag.exec(sql)?.[0]
      if (tag === undefined) {
        out += char
        at++
      } else {
        at = until(tag, at + tag.length)
        out += "''"
      }
    } else {
      out += char
      at++
    }
  }
  return out.toLowerCase()
}

// Comments nest in PostgreSQL.
const skipComment = (sql: string, from: number): number => {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    if (sql[at] === "/" && sql[at + 1] === "*") {
      depth++
      at++
    } else if (sql[at] === "*" && sql[at + 1] === "/") {
      depth--
      at++
      if (depth === 0) return at + 1
    }
  }
  return sql.length
}

const skipLiteral = (sql: string, from: number, escapes: boolean): number => {
  for (let at = from + 1; at < sql.length; at++) {
    if (escapes && sql[at] === "\\") at++
    else if (sql[at] === "'") {
      if (sql[at + 1] !== "'") return at + 1
      at++
    }
  }
  return sql.length
}

const skipQuoted = (sql: string, from: number): number => {
  for (let at = from + 1; at < sql.length; at++) {
    if (sql[at] !== "\"") continue
    if (sql[at + 1] !== "\"") return at + 1
    at++
  }
  return sql.length
}

/** set_config whose third argument says, in so many words, that it ends with the transaction. */
const localConfig = /\bset_config *\( *(''|\$\d+)(::\w+)? *, *(''|\$\d+)(::\w+)? *, *true *\)/g

const leavers: ReadonlyArray<RegExp> = [
  /\bset_config\b/,
  /\bpg_(try_)?advisory_lock/,
  /\b(create|into)( or replace)?( local| global)? temp(orary)?\b/,
  /\bpg_temp\b/,
  /\bwith hold\b/,
  /\bdblink_connect/,
  // The view turns an UPDATE into set_config.
  /\bupdate (only )?(pg_catalog ?\. ?)?pg_settings\b/,
  // A name written with escapes may be any of these.
  /\bu&\w/
]

/** What outlives a transaction beyond doubt, each statement by its beginning or by what is in it. */
const holders: ReadonlyArray<readonly [pattern: RegExp, name: string]> = [
  [/^set (?!local |transaction |constraints )/, "SET"],
  [/^listen\b/, "LISTEN"],
  [/^prepare (?!transaction\b)/, "PREPARE"],
  [/^load\b/, "LOAD"],
  [/^declare\b.*\bwith hold\b/, "a cursor WITH HOLD"],
  [/^(?!.*\bon commit drop\b)create( local| global)? temp(orary)? table\b/, "a temporary table"],
  [/\bset_config *\( *(''|\$\d+)(::\w+)? *, *(''|\$\d+)(::\w+)? *, *false *\)/, "set_config for the session"],
  [/^select\b.*\bpg_(try_)?advisory_lock(_shared)? *\(/, "an advisory lock of the session"]
]

/** Statements that change no table, type or name. Of those that end a transaction the tags tell what they undo. */
const keepsShapes = new RegExp(
  "^\\(* *(select|insert|update|delete|merge|with|values|table|set|reset|show|fetch|move|copy|explain|execute|declare|close|" +
    "lock|listen|unlisten|notify|begin|start|commit|end|rollback|abort|savepoint|release|prepare|truncate|analyze|vacuum|" +
    "checkpoint)\\b"
)

/** Settings on which depends what a name stands for, or how a literal is read. */
const meaningful =
  /^(re)?set (session |local )?(search_path|schema|role|session authorization|session_authorization|standard_conforming_strings|all)\b/

/** set_config, in a text as it is written, of one of those or of a name that is no plain literal. */
const meaningfulConfig =
  /\bset_config\W*\(\s*(?!'(?!(search_path|role|session_authorization|standard_conforming_strings)')[\w.]+')/i

/** Other ways to change any setting, and a name that may be any. */
const anySetting: ReadonlyArray<RegExp> = [/\bpg_settings\b/, /\bu&\w/]

/** SELECT INTO makes a table, whose name may hide another. */
const makesTable = /^(select|with)\b.*\binto\b/

const reshapes = (sql: string, words: string, statements: ReadonlyArray<string>): boolean =>
  statements.some((statement) =>
    !keepsShapes.test(statement) || meaningful.test(statement) ||
    makesTable.test(statement.replace(/\b(insert|merge) into\b/g, ""))
  ) || (/\bset_config\b/.test(words) && meaningfulConfig.test(sql)) || anySetting.some((pattern) => pattern.test(words))

const copiesOf = (statements: ReadonlyArray<string>): Traits["copies"] => {
  for (const statement of statements) {
    if (!/^copy\b/.test(statement)) continue
    let bare = statement
    // What stands in parentheses, a query or options, may hold the same words.
    for (let before = ""; before !== bare;) {
      before = bare
      bare = bare.replace(/\([^()]*\)/g, " ")
    }
    // The server takes STDIN and STDOUT for the same.
    const direction = /\b(from|to) (stdin|stdout)\b/.exec(bare)?.[1]
    if (direction !== undefined) return direction === "from" ? "FROM STDIN" : "TO STDOUT"
  }
  return undefined
}

const holdsOf = (statements: ReadonlyArray<string>): string | undefined =>
  holders.find(([pattern]) => startsWith(statements, pattern))?.[1]

const startsWith = (statements: ReadonlyArray<string>, pattern: RegExp) =>
  statements.some((statement) => pattern.test(statement))

const read = (sql: string): Traits => {
  const words = significant(sql).replace(/\s+/g, " ")
  const text = words.replace(localConfig, " ")
  const statements = text.split(";").map((part) => part.trim()).filter((part) => part !== "")
  const sets = startsWith(statements, /^set (?!local |transaction |constraints )/)
  const opaque = startsWith(statements, /^(do|call)\b/)
  const prepares = opaque || startsWith(statements, /^prepare (?!transaction\b)/)
  const spoils = startsWith(statements, /^load\b/)
  return {
    script: statements.length > 1,
    leaves: sets || opaque || prepares || spoils || startsWith(statements, /^listen\b/) ||
      leavers.some((pattern) => pattern.test(text)),
    prepares,
    spoils,
    setsLocally: !sets,
    readOnly: /\bread only\b|transaction_read_only\b/.test(text),
    holds: holdsOf(statements),
    planned: startsWith(statements.slice(0, 1), /^\(* *(select|insert|update|delete|merge|with|values|table)\b/),
    forgets: startsWith(statements, /^(deallocate|discard)\b/),
    reshapes: reshapes(sql, words, statements),
    copies: copiesOf(statements),
    reads: statements.length === 1 && startsWith(statements, /^(select|values|table|show)\b/),
    steers: startsWith(
      statements,
      /^(set|begin|start|commit|end|rollback|abort|savepoint|release|prepare transaction|lock|declare|fetch|move|close|copy)\b/
    )
  }
}

/** The traits of statements that are sent together. */
export const together = (all: ReadonlyArray<Traits>): Traits => {
  const [first] = all
  if (all.length === 1) return first!
  const some = (trait: (traits: Traits) => boolean) => all.some(trait)
  return {
    script: some(({ script }) => script),
    leaves: some(({ leaves }) => leaves),
    prepares: some(({ prepares }) => prepares),
    spoils: some(({ spoils }) => spoils),
    setsLocally: all.every(({ setsLocally }) => setsLocally),
    readOnly: some(({ readOnly }) => readOnly),
    steers: some(({ steers }) => steers),
    planned: all.every(({ planned }) => planned),
    forgets: some(({ forgets }) => forgets),
    reshapes: some(({ reshapes }) => reshapes),
    copies: all.find(({ copies }) => copies !== undefined)?.copies,
    reads: all.every(({ reads }) => reads),
    holds: all.find(({ holds }) => holds !== undefined)?.holds
  }
}

/** A bounded memory of what was read: an application has few texts and runs each of them often. */
const remembered = new Map<string, Traits>()
const capacity = 2_000

/** The traits of a text. */
export const traits = (sql: string): Traits => {
  const known = remembered.get(sql)
  if (known !== undefined) return known
  const fresh = read(sql)
  if (remembered.size >= capacity) remembered.clear()
  remembered.set(sql, fresh)
  return fresh
}
