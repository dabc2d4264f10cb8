/**
 * A lock's name as the number some databases know it by.
 */
import { sha256 } from "../sha256.js"

/** The first 64 bits of a digest, signed, in decimal digits; the prefix keeps clear of other programs' locks. */
export const keyOf = (name: string): string =>
  BigInt.asIntN(64, BigInt(`0x${sha256(`effect-sql-engine/Mutex/${name}`).slice(0, 16)}`)).toString()
