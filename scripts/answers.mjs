/**
 * Examples that say what they evaluate to: `expression // => value`.
 *
 * `instrument` rewrites such an example so that it reports each marked value as it runs; `agrees` compares a report with
 * what the page says.
 */
import { inspect, isDeepStrictEqual } from "node:util"
import { runInNewContext } from "node:vm"
import ts from "typescript"

const marker = /\/\/\s*=>\s*(.*\S)\s*$/

/** @param {string} code */
export const hasAnswers = (code) => code.split("\n").some((line) => marker.test(line))

/**
 * @typedef {{ readonly line: number, readonly expected: string }} Answer
 * @typedef {{ readonly code: string, readonly answers: Array<Answer>, readonly misplaced: Array<number> }} Instrumented
 */

/**
 * JavaScript that calls `__answer(line, "print" | "value", values)` for every marked line and returns the values.
 *
 * @param {string} code
 * @returns {Instrumented}
 */
export const instrument = (code) => {
  /** @type {Map<number, string>} */
  const expected = new Map()
  for (const [i, line] of code.split("\n").entries()) {
    const text = marker.exec(line)?.[1]
    if (text !== undefined) expected.set(i, text)
  }
  const source = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true)
  /** @type {Array<{ at: number, text: string }>} */
  const edits = []
  /** @type {Set<number>} */
  const placed = new Set()
  /** @param {ts.Expression} node @param {number} line */
  const wrap = (node, line) => {
    placed.add(line)
    const call = isPrint(node) ? node : undefined
    const [first, last] = call === undefined ? [node, node] : [call.arguments[0], call.arguments.at(-1)]
    if (first === undefined || last === undefined) return
    const [open, close] = call === undefined
      ? [`__answer(${line}, "value", [`, "])[0]"]
      : [`...__answer(${line}, "print", [`, "])"]
    edits.push({ at: first.getStart(), text: open }, { at: last.getEnd(), text: close })
  }
  /** @param {ts.Node} node */
  const visit = (node) => {
    const answer = answering(node)
    if (answer !== undefined) {
      const line = source.getLineAndCharacterOfPosition(answer.getEnd()).line
      if (expected.has(line) && !placed.has(line)) wrap(answer, line)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  const chars = edits.sort((a, b) => b.at - a.at).reduce(
    (text, edit) => text.slice(0, edit.at) + edit.text + text.slice(edit.at),
    code
  )
  return {
    code: ts.transpileModule(chars, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
    }).outputText,
    answers: [...expected].map(([line, text]) => ({ line: line + 1, expected: text })),
    misplaced: [...expected.keys()].filter((line) => !placed.has(line)).map((line) => line + 1)
  }
}

/**
 * `console.log(...)`, or the `Console.log(...)` of Effect.
 *
 * @param {ts.Node} node
 * @returns {node is ts.CallExpression}
 */
const isPrint = (node) => ts.isCallExpression(node) && /^[Cc]onsole\.log$/.test(node.expression.getText())

/**
 * The expression a mark behind this node speaks of.
 *
 * @param {ts.Node} node
 * @returns {ts.Expression | undefined}
 */
const answering = (node) => {
  if (ts.isVariableDeclaration(node)) return node.initializer
  if (ts.isReturnStatement(node)) return node.expression
  if (isPrint(node)) return node
  if (!ts.isExpressionStatement(node)) return undefined
  const { expression } = node
  const inner = ts.isYieldExpression(expression) || ts.isAwaitExpression(expression) ? expression.expression : undefined
  return inner !== undefined && isPrint(inner) ? inner : expression
}

/**
 * What a value looks like on a page.
 *
 * @param {"print" | "value"} kind
 * @param {ReadonlyArray<unknown>} values
 */
export const show = (kind, values) =>
  values.map((value) =>
    kind === "print" && typeof value === "string" ? value : inspect(value, { depth: 12, breakLength: Infinity })
  ).join(" ")

/**
 * Whether values are what the page says: the same text, or a JavaScript expression for an equal value.
 *
 * @param {string} expected
 * @param {"print" | "value"} kind
 * @param {ReadonlyArray<unknown>} values
 */
export const agrees = (expected, kind, values) => {
  if (show(kind, values) === expected) return true
  if (values.length !== 1) return false
  try {
    // Values of another realm have other prototypes: structured cloning brings both to this one.
    const value = runInNewContext(`(${expected})`, {})
    return isDeepStrictEqual(structuredClone(value), structuredClone(values[0]))
  } catch {
    return false
  }
}
