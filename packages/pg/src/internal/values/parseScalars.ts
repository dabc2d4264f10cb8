/**
 * Truth values, numbers, bytes and points as PostgreSQL writes them. Any other text throws.
 */
import { Unreadable } from "./unreadable.js"

export const parseBool = (text: string): boolean => {
  if (text === "t") return true
  if (text === "f") return false
  throw new Unreadable("is neither t nor f")
}

/** Numbers of up to 32 bits, floats, `NaN` and the infinities. */
export const parseNumber = (text: string): number => {
  const number = Number(text)
  if (Number.isNaN(number) && text !== "NaN") throw new Unreadable("is no number")
  return number
}

const octal = /^[0-3][0-7]{2}/

/** With bytea_output `escape`: bytes as characters, `\\` and `\` with three octal digits. */
const parseEscaped = (text: string): Buffer => {
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "\\") bytes[length++] = text.charCodeAt(at)
    else if (text[at + 1] === "\\") {
      bytes[length++] = 92
      at++
    } else {
      const digits = octal.exec(text.slice(at + 1, at + 4))?.[0]
      if (digits === undefined) throw new Unreadable("is not written as bytes are")
      bytes[length++] = Number.parseInt(digits, 8)
      at += 3
    }
  }
  return bytes.subarray(0, length)
}

export const parseBytes = (text: string): Buffer => {
  if (!text.startsWith("\\x")) return parseEscaped(text)
  const bytes = Buffer.from(text.slice(2), "hex")
  if (bytes.length * 2 !== text.length - 2) throw new Unreadable("is not written as bytes are")
  return bytes
}

const point = /^\(([^(),]+),([^(),]+)\)$/
const circle = /^<\(([^(),]+),([^(),]+)\),([^(),]+)>$/

export const parsePoint = (text: string): { readonly x: number; readonly y: number } => {
  const found = point.exec(text)
  if (found === null) throw new Unreadable("is not written as a point is")
  return { x: parseNumber(found[1]!), y: parseNumber(found[2]!) }
}

export const parseCircle = (text: string): { readonly x: number; readonly y: number; readonly radius: number } => {
  const found = circle.exec(text)
  if (found === null) throw new Unreadable("is not written as a circle is")
  return { x: parseNumber(found[1]!), y: parseNumber(found[2]!), radius: parseNumber(found[3]!) }
}

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Unreadable("is no JSON")
  }
}
