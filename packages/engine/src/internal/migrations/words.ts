/**
 * How a table is looked for: the part of a dialect that `Migrations` and `Seed` need.
 */

/**
 * @since 0.1.0
 * @category scripts
 */
export interface Script {
  /** Whether tables stand in schemas. */
  readonly schemas: boolean
  /** Asks whether there is a table or view. Row: `found`. */
  readonly tableExists: (
    table: string,
    schema: string | undefined
  ) => { readonly sql: string; readonly params: ReadonlyArray<unknown> }
}
