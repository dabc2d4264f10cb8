/**
 * Checks the examples of the documentation: all of them by the type checker, those with `// =>` also by running them.
 *
 * Pages: README.md, CONTRIBUTING.md, docs/, the packages' READMEs, and the comments of packages/<name>/src. Types come
 * from the sources; what runs, runs against the build. Prints one `file:line message` a complaint, and fails if there is
 * any.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import ts from "typescript"
import { hasAnswers, instrument } from "./answers.mjs"
import { inMarkdown, inSource } from "./examples.mjs"

/** @import { Complaint, Example, Found } from "./examples.mjs" */

const root = resolve(import.meta.dirname, "..")
const scratch = join(root, ".scratch", `docs-${process.pid}`)

/** @param {string} folder @param {string} suffix */
const filesIn = (folder, suffix) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(suffix) && !/(^|\/)node_modules\//.test(file))
      .map((file) => join(folder, file))
    : []

/** @returns {Found} */
const find = () => {
  const packages = readdirSync(join(root, "packages"))
  const pages = ["README.md", "CONTRIBUTING.md", ...packages.map((name) => join("packages", name, "README.md"))]
  const found = [
    ...[...pages.filter((page) => existsSync(join(root, page))), ...filesIn("docs", ".md")].map((file) =>
      inMarkdown(file, readFileSync(join(root, file), "utf8"))
    ),
    ...packages.flatMap((name) => filesIn(join("packages", name, "src"), ".ts")).map((file) =>
      inSource(file, readFileSync(join(root, file), "utf8"))
    )
  ]
  return { examples: found.flatMap((_) => _.examples), complaints: found.flatMap((_) => _.complaints) }
}

/**
 * What the type checker says, under the options of the workspace; only an unused name is no mistake in an example.
 *
 * @param {ReadonlyArray<Example>} examples
 * @returns {Array<Complaint>}
 */
const check = (examples) => {
  /** @type {Map<string, Example>} */
  const written = new Map()
  for (const example of examples) {
    const file = join(scratch, `${example.file.replaceAll(/[^\w]/g, "_")}_${example.line}.ts`)
    writeFileSync(file, example.code)
    written.set(file, example)
  }
  const compilerOptions = {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    noUnusedLocals: false
  }
  const config = join(scratch, "tsconfig.json")
  writeFileSync(config, JSON.stringify({ extends: "../../tsconfig.base.json", compilerOptions, include: ["*.ts"] }))
  const parsed = ts.getParsedCommandLineOfConfigFile(config, {}, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"))
    }
  })
  if (parsed === undefined) throw new Error(`${config} cannot be read`)
  return ts.getPreEmitDiagnostics(ts.createProgram(parsed.fileNames, parsed.options)).map((diagnostic) => {
    const message = `TS${diagnostic.code}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n  ")}`
    const source = diagnostic.file
    if (source === undefined) return { file: "tsconfig.base.json", line: 1, message }
    const { line } = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
    return { file: written.get(source.fileName)?.file ?? source.fileName, line: line + 1, message }
  })
}

/**
 * Runs the examples with `// =>`, all in one process of their own, in an empty folder.
 *
 * @param {ReadonlyArray<Example>} examples
 * @returns {{ readonly complaints: Array<Complaint>, readonly answers: number }}
 */
const run = (examples) => {
  /** @type {Array<Complaint>} */
  const complaints = []
  const cwd = join(scratch, "cwd")
  mkdirSync(cwd)
  const programs = examples.filter((_) => hasAnswers(_.code)).map((example, i) => {
    const { answers, code, misplaced } = instrument(example.code)
    for (const line of misplaced) {
      const message = "`// =>` belongs behind an expression, a variable, a return or a console.log"
      complaints.push({ file: example.file, line, message })
    }
    const module = join(scratch, `run-${i}.mjs`)
    writeFileSync(module, `const __answer = globalThis.__answersOf(${i});${code}`)
    return { module, file: example.file, answers: answers.filter((_) => !misplaced.includes(_.line)) }
  })
  if (programs.length > 0) {
    const plan = join(scratch, "plan.json")
    const report = join(scratch, "report.json")
    writeFileSync(plan, JSON.stringify({ programs, report }))
    try {
      execFileSync(process.execPath, [join(root, "scripts", "run-examples.mjs"), plan], {
        cwd,
        stdio: ["ignore", "pipe", "inherit"],
        timeout: 120_000
      })
      complaints.push(...JSON.parse(readFileSync(report, "utf8")))
    } catch (cause) {
      complaints.push({ file: "scripts/run-examples.mjs", line: 1, message: `an example ended the process: ${cause}` })
    }
  }
  return { complaints, answers: programs.reduce((sum, program) => sum + program.answers.length, 0) }
}

mkdirSync(scratch, { recursive: true })
try {
  const found = find()
  const types = check(found.examples)
  // What does not compile is not worth running.
  const ran = types.length > 0 ? { complaints: [], answers: 0 } : run(found.examples)
  const complaints = [...found.complaints, ...types, ...ran.complaints]
  for (const { file, line, message } of complaints) console.error(`${file}:${line} ${message}`)
  console.log(`docs: ${found.examples.length} examples, ${ran.answers} answers, ${complaints.length} complaints`)
  if (complaints.length > 0) process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
