import type { Results } from "../results.js"
export const write = (_: Results): void => {}
