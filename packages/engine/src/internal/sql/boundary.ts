/**
 * Where a statement ends: at a semicolon outside of parentheses and of the body of a routine or trigger.
 *
 * A body ends with the END that stands right behind a semicolon, or right behind ATOMIC: inside of a body's statements both
 * databases take that word for the end of a CASE, or for a name, in every other place.
 */
import type { SqlSyntax } from "./syntax.js"
import type { Token } from "./token.js"

/** What the words so far may still become. */
type Head = "start" | "explain" | "create" | "or" | "routine" | "other"

/** Follows the tokens of a text, comments left out. */
export class Boundary {
  /** How many bodies are open: a routine of PostgreSQL may be made in the body of another, as far as its grammar goes. */
  private bodies = 0
  private head: Head = "start"
  /** A body may end here: a semicolon, or the ATOMIC that has opened it, is right before. */
  private mayClose = false
  private before: Token | undefined = undefined

  constructor(private readonly syntax: SqlSyntax) {}

  /** Whether the next token is inside of a statement's parentheses or body. */
  isInside(depth: number): boolean {
    return depth > 0 || this.bodies > 0
  }

  /** Takes the next token; whether it is the semicolon that ends a statement. */
  ends(token: Token): boolean {
    const { before, mayClose } = this
    this.before = token
    this.mayClose = false
    if (token.depth === 0 && token.isSign(";")) {
      this.head = "start"
      this.mayClose = this.bodies > 0
      return this.bodies === 0
    }
    if (token.kind !== "word" || token.depth > 0) this.head = this.head === "routine" ? "routine" : "other"
    else if (mayClose && token.text === "end") {
      this.bodies--
      this.head = "other"
    } else this.head = this.step(token.text, before)
    return false
  }

  private step(word: string, before: Token | undefined): Head {
    switch (this.head) {
      case "start":
      case "explain":
        if (word === "create") return "create"
        return word === "explain" || (this.head === "explain" && (word === "query" || word === "plan"))
          ? "explain"
          : "other"
      case "create":
        return this.created(word)
      case "or":
        return word === "replace" ? "create" : "other"
      case "routine":
        if (word !== "atomic" || before?.isWord("begin") !== true) return "routine"
        this.bodies++
        this.mayClose = true
        return "start"
      case "other":
        return "other"
    }
  }

  private created(word: string): Head {
    switch (this.syntax.bodies) {
      case "routine":
        return word === "or" ? "or" : word === "function" || word === "procedure" ? "routine" : "other"
      case "trigger":
        // Its body is the only thing in it that may have semicolons.
        if (word === "trigger" && this.bodies === 0) this.bodies = 1
        return word === "temp" || word === "temporary" ? "create" : "other"
      case "none":
        return "other"
    }
  }
}
