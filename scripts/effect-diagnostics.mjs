/**
 * The diagnostics of @effect/language-service over the whole workspace: floating effects, lost errors, missing context.
 *
 * Its own command line walks through one tsconfig after the other and fails where they refer to each other; here the
 * same rules look at one program, that of tsconfig.lint.json. A warning counts as an error.
 */
import { createRequire } from "node:module"
import { relative, resolve } from "node:path"
import ts from "typescript"

const require = createRequire(import.meta.url)
const root = resolve(import.meta.dirname, "..")

/**
 * The rules that hold for a file, beside those that are on by default.
 *
 * @param {string} file
 * @returns {Record<string, string>}
 */
const severities = (file) =>
  // A promise is made in a driver's lowest file, and nowhere on the ground floor.
  file.startsWith("packages/engine/src/")
    ? { newPromise: "error", asyncFunction: "error", globalTimers: "error", globalDate: "error", globalRandom: "error" }
    // Users fail with an Error too, and tests stand for all kinds of users.
    : /^(packages\/[^/]+\/)?(test|typetest)\//.test(file)
    ? { globalErrorInEffectFailure: "off" }
    : {}

const parsed = ts.getParsedCommandLineOfConfigFile(`${root}/tsconfig.lint.json`, {}, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"))
  }
})
if (parsed === undefined) throw new Error("tsconfig.lint.json cannot be read")
const program = ts.createProgram(parsed.fileNames, parsed.options)

/**
 * As much of a language service as the plugin asks for. It has nothing to say itself: types are the type checker's.
 *
 * @param {string} file
 * @returns {ReadonlyArray<ts.Diagnostic>}
 */
const diagnose = (file) =>
  require("@effect/language-service/index.js")({ typescript: ts }).create({
    config: { name: "@effect/language-service", diagnosticSeverity: severities(relative(root, file)) },
    languageService: { getProgram: () => program, getSemanticDiagnostics: () => [] },
    project: { log: () => {} }
  }).getSemanticDiagnostics(file)

let complaints = 0
for (const name of parsed.fileNames) {
  for (const { category, file, messageText, start } of diagnose(name)) {
    if (category !== ts.DiagnosticCategory.Error && category !== ts.DiagnosticCategory.Warning) continue
    complaints++
    const { line } = file?.getLineAndCharacterOfPosition(start ?? 0) ?? { line: 0 }
    console.error(`${relative(root, name)}:${line + 1} ${ts.flattenDiagnosticMessageText(messageText, "\n  ")}`)
  }
}

console.log(`effect diagnostics: ${parsed.fileNames.length} files, ${complaints} complaints`)
if (complaints > 0) process.exitCode = 1
