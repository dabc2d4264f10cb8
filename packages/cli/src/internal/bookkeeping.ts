/**
 * The tables that the library keeps for itself, which nobody means who speaks of "the tables".
 */
const own = /^(migration_ledger(_.+)?|seed_ledger|effect_sql_engine_mutex|effect_sql_migrations)$/

/** Whether a table is one of them. */
export const isOwn = ({ name }: { readonly name: string }): boolean => own.test(name)
