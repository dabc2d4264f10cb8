/**
 * Whether two values of rows are one, as a database would say.
 */
import { Equal, FastCheck } from "effect"

/** A driver may have a class of its own for bytes, and a Schema leaves out what another has as `undefined`. */
const plain = (value: unknown): unknown =>
  ArrayBuffer.isView(value)
    ? Uint8Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    : value ?? null

export const same = (one: unknown, other: unknown): boolean =>
  Equal.equals(one, other) || FastCheck.stringify(plain(one)) === FastCheck.stringify(plain(other))
