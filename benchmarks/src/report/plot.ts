/**
 * Bars with whiskers, as SVG: readable on light and on dark pages, with no script and no font of its own.
 */
import type { Summary } from "../measure/statistics.js"

export interface Bar {
  readonly name: string
  readonly value: Summary
  /** The one that the page is about. */
  readonly ours: boolean
}

export interface Group {
  readonly title: string
  readonly bars: ReadonlyArray<Bar>
}

const width = 760
const left = 190
const right = 60
const row = 18

const escape = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")

const style = `<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
  .bar { fill: #8c959f } .ours { fill: #0969da } .whisker { stroke: #1f2328; stroke-width: 1 }
  .one { stroke: #cf222e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } .bar { fill: #656c76 } .ours { fill: #4493f8 }
    .whisker { stroke: #f0f6fc } .one { stroke: #ff7b72 }
  }
</style>`

/** The end of the axis: whoever is far off is cut, and its number tells. */
const reach = (groups: ReadonlyArray<Group>): number => {
  const medians = groups.flatMap(({ bars }) => bars.map(({ value }) => value.median))
  return Math.min(8, Math.max(2, ...medians) * 1.1)
}

/** Ratios in groups; shorter is better, and the line marks the reference. */
export const plot = (title: string, groups: ReadonlyArray<Group>): string => {
  const most = reach(groups)
  const x = (value: number) => left + Math.min(value, most) / most * (width - left - right)
  const shapes: Array<string> = [`<text class="title" x="0" y="16">${escape(title)}</text>`]
  let y = 30
  for (const { bars, title } of groups) {
    shapes.push(`<text class="small" x="0" y="${y + 12}">${escape(title)}</text>`)
    y += row
    const top = y
    for (const { name, ours, value: { max, median, min } } of bars) {
      const middle = y + row / 2
      shapes.push(
        `<text x="${left - 8}" y="${middle + 4}" text-anchor="end">${escape(name)}</text>`,
        `<rect class="${ours ? "ours" : "bar"}" x="${left}" y="${y + 3}" width="${(x(median) - left).toFixed(1)}" ` +
          `height="${row - 6}"/>`,
        `<line class="whisker" x1="${x(min).toFixed(1)}" x2="${x(max).toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
        `<text x="${width - right + 8}" y="${middle + 4}">${median.toFixed(2)}</text>`
      )
      y += row
    }
    shapes.push(`<line class="one" x1="${x(1).toFixed(1)}" x2="${x(1).toFixed(1)}" y1="${top}" y2="${y}"/>`)
    y += 10
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" role="img" aria-label="${
    escape(title)
  }">\n${style}\n${shapes.join("\n")}\n</svg>\n`
}
