/**
 * The digest is the one everybody else computes.
 */
import { expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { createHash } from "node:crypto"
import { sha256 } from "../src/internal/sha256.js"

it("a digest is the one of the platform, for texts of every length and script", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.string({ maxLength: 300, unit: "binary" }), (text) => {
      expect(sha256(text)).toBe(createHash("sha256").update(text).digest("hex"))
    }),
    { seed: 180_4, numRuns: 2_000 }
  )
})
