/**
 * Variables of the environment, read through Effect's `ConfigProvider`, and secrets in files beside them: where `NAME`
 * is not set, `NAME_FILE` may name a file that holds the value, as container platforms mount secrets.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Config, Effect, Option, Redacted } from "effect"
import type { ConfigError } from "effect"
import type { Problem } from "../url/problem.js"

/** Every name that was looked for, and everything that is wrong with what was found. */
export class Lookup {
  readonly names = new Set<string>()
  readonly problems: Array<Problem> = []

  complain(field: string, problem: string): void {
    this.problems.push({ field, problem })
  }

  /** A variable; a blank one counts as absent, as an unset variable in a compose file is blank. */
  plain(name: string): Effect.Effect<string | undefined> {
    this.names.add(name)
    return Effect.matchEffect(Config.option(Config.string(name)), {
      onSuccess: (found) => Effect.succeed(Option.getOrUndefined(Option.filter(found, (value) => value.trim() !== ""))),
      onFailure: (error) =>
        Effect.sync(() => {
          this.complain(name, `cannot be read from the configuration (${kindOf(error)})`)
          return undefined
        })
    })
  }

  /** A variable, or the content of the file that `NAME_FILE` names, without the line break at its end. */
  secret(name: string): Effect.Effect<Redacted.Redacted<string> | undefined> {
    return Effect.gen(this, function*() {
      const value = yield* this.plain(name)
      const path = yield* this.plain(`${name}_FILE`)
      if (path === undefined) return value === undefined ? undefined : Redacted.make(value)
      if (value !== undefined) {
        this.complain(`${name}_FILE`, `is set, and so is ${name}: keep one of the two`)
        return undefined
      }
      return yield* this.content(`${name}_FILE`, path)
    })
  }

  private content(name: string, path: string): Effect.Effect<Redacted.Redacted<string> | undefined> {
    return Effect.flatMap(Effect.serviceOption(FileSystem), (files) => {
      if (Option.isNone(files)) {
        this.complain(
          name,
          "names a file, and there is no FileSystem to read it with: provide one where the engine is made, such as " +
            "NodeFileSystem.layer of @effect/platform-node"
        )
        return Effect.succeed(undefined)
      }
      return Effect.match(files.value.readFileString(path), {
        onFailure: (error) => {
          const reason = error._tag === "SystemError" ? error.reason : error._tag
          this.complain(name, `names the file ${path}, which cannot be read (${reason})`)
          return undefined
        },
        onSuccess: (content) => {
          const value = content.replace(/\r?\n$/, "")
          if (value.trim() === "") this.complain(name, `names the file ${path}, which is empty`)
          return value.trim() === "" ? undefined : Redacted.make(value)
        }
      })
    })
  }
}

/** What kind of failure it is; its text might hold the value. */
const kindOf = (error: ConfigError.ConfigError): string => error._op
