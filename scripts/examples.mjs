/**
 * Finds the examples of the documentation: every `ts` fence of a Markdown file, every `@example` of a source file.
 *
 * An example keeps the line numbers of the file it stands in, so that what a tool says about it points at the page.
 */

/**
 * @typedef {object} Example
 * @property {string} file the page or module, relative to the root
 * @property {number} line the line of the opening fence, from 1
 * @property {string} code the example behind as many empty lines as stand above it in the file
 * @typedef {object} Complaint
 * @property {string} file
 * @property {number} line
 * @property {string} message
 * @typedef {{ readonly examples: Array<Example>, readonly complaints: Array<Complaint> }} Found
 */

const opening = /^(\s*)(`{3,})[ \t]*(?:ts|typescript)\b[ \t]*(.*)$/

/**
 * The examples of a Markdown page. A comment `<!-- example: ... -->` right above a fence holds lines that belong to the
 * example and need not be read: imports, a name introduced further up.
 *
 * @param {string} file
 * @param {string} text
 * @returns {Found}
 */
export const inMarkdown = (file, text) => inLines(file, text.split("\n"))

/**
 * The examples of a TypeScript source: the fences in its documentation comments.
 *
 * @param {string} file
 * @param {string} text
 * @returns {Found}
 */
export const inSource = (file, text) => {
  const lines = text.split("\n")
  /** @type {Array<string>} */
  const prose = lines.map(() => "")
  /** @type {Array<Complaint>} */
  const complaints = []
  for (let at = 0; at < lines.length; at++) {
    if (!/^\s*\/\*\*/.test(lines[at] ?? "")) continue
    const from = at
    while (at < lines.length - 1 && !(lines[at] ?? "").includes("*/")) at++
    for (let i = from; i <= at; i++) {
      prose[i] = (lines[i] ?? "").replace(/^\s*\/?\*+ ?/, "").replace(/\s*\*\/.*$/, "")
    }
    complaints.push(...bareExamples(file, prose, from, at))
  }
  const found = inLines(file, prose)
  return { examples: found.examples, complaints: [...complaints, ...found.complaints] }
}

/**
 * An `@example` without a fence would never be checked.
 *
 * @param {string} file
 * @param {ReadonlyArray<string>} prose
 * @param {number} from
 * @param {number} to
 * @returns {Array<Complaint>}
 */
const bareExamples = (file, prose, from, to) => {
  /** @type {Array<Complaint>} */
  const complaints = []
  for (let i = from; i <= to; i++) {
    if (!/^@example\b/.test(prose[i] ?? "")) continue
    let end = i + 1
    while (end <= to && !/^@\w/.test(prose[end] ?? "")) end++
    if (!prose.slice(i, end).some((line) => opening.test(line))) {
      complaints.push({ file, line: i + 1, message: "an @example needs a ```ts fence, or nothing checks it" })
    }
  }
  return complaints
}

/**
 * @param {string} file
 * @param {ReadonlyArray<string>} lines
 * @returns {Found}
 */
const inLines = (file, lines) => {
  /** @type {Array<Example>} */
  const examples = []
  /** @type {Array<Complaint>} */
  const complaints = []
  for (let at = 0; at < lines.length; at++) {
    const fence = opening.exec(lines[at] ?? "")
    if (fence === null) {
      at = endOfOtherFence(lines, at)
      continue
    }
    const [, indent = "", ticks = "", attributes = ""] = fence
    const close = new RegExp(`^\\s*${ticks}\`*\\s*$`)
    let end = at + 1
    while (end < lines.length && !close.test(lines[end] ?? "")) end++
    if (attributes !== "") {
      const message = `a ts fence is always checked: remove "${attributes}", or say \`text\` if it is not TypeScript`
      complaints.push({ file, line: at + 1, message })
    } else if (end === lines.length) {
      complaints.push({ file, line: at + 1, message: "this fence is never closed" })
    } else {
      const code = lines.slice(0, end).map((line, i) => i > at ? dedent(line, indent.length) : "")
      for (const [i, line] of prelude(lines, at)) code[i] = line
      examples.push({ file, line: at + 1, code: code.join("\n") })
    }
    at = end
  }
  return { examples, complaints }
}

/** @param {string} line @param {number} columns */
const dedent = (line, columns) => line.slice(Math.min(columns, line.length - line.trimStart().length))

/**
 * The last line of a fence in another language, or the line itself.
 *
 * @param {ReadonlyArray<string>} lines
 * @param {number} at
 */
const endOfOtherFence = (lines, at) => {
  const ticks = /^\s*(`{3,})/.exec(lines[at] ?? "")?.[1]
  if (ticks === undefined) return at
  const end = lines.findIndex((line, i) => i > at && new RegExp(`^\\s*${ticks}\`*\\s*$`).test(line))
  return end === -1 ? lines.length : end
}

/**
 * The lines of the comment right above a fence, each with its index.
 *
 * @param {ReadonlyArray<string>} lines
 * @param {number} fence
 * @returns {Array<[number, string]>}
 */
const prelude = (lines, fence) => {
  let end = fence - 1
  while (end >= 0 && (lines[end] ?? "").trim() === "") end--
  if (end < 0 || (lines[end] ?? "").trim() !== "-->") return []
  let start = end - 1
  while (start >= 0 && !(lines[start] ?? "").includes("<!--")) start--
  if ((lines[start] ?? "").trim() !== "<!-- example:") return []
  return lines.slice(start + 1, end).map((line, i) => [start + 1 + i, line])
}
