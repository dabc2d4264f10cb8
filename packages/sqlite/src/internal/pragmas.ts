/**
 * SQLite's pragmas by what they leave behind. A pragma that is in none of these lists and is given a value leaves
 * something nobody here can take back.
 *
 * Source: https://www.sqlite.org/pragma.html
 */

const words = (list: string): ReadonlySet<string> => new Set(list.split(" "))

/** They ask a question or do a job: an argument says about what. Nothing of them stays on the connection. */
const questions = words(
  "collation_list compile_options data_version database_list foreign_key_check foreign_key_list freelist_count " +
    "function_list incremental_vacuum index_info index_list index_xinfo integrity_check module_list optimize page_count " +
    "pragma_list quick_check shrink_memory table_info table_list table_xinfo wal_checkpoint"
)

/** They write into the database file, for everybody. */
const ofTheFile = words("application_id auto_vacuum encoding page_size schema_version user_version")

/** They are settings of one connection, which can be read first and set back later. */
const settings = words(
  "analysis_limit automatic_index busy_timeout cache_size cache_spill cell_size_check checkpoint_fullfsync count_changes " +
    "defer_foreign_keys empty_result_callbacks foreign_keys full_column_names fullfsync ignore_check_constraints " +
    "journal_mode journal_size_limit legacy_alter_table max_page_count mmap_size query_only read_uncommitted " +
    "recursive_triggers reverse_unordered_selects secure_delete short_column_names synchronous temp_store threads " +
    "trusted_schema wal_autocheckpoint writable_schema"
)

/** What a pragma with an argument leaves behind: `nothing`, a `setting` that can be set back, or `something` else. */
export const leaves = (pragma: string): "nothing" | "setting" | "something" =>
  questions.has(pragma) || ofTheFile.has(pragma) ? "nothing" : settings.has(pragma) ? "setting" : "something"

/** Pragmas that have an option of their own, by the option's name. */
export const options: Readonly<Record<string, string>> = {
  busy_timeout: "lockTimeout",
  foreign_keys: "foreignKeys",
  journal_mode: "journalMode",
  query_only: "mode",
  synchronous: "synchronous"
}

/** The text that sets a pragma. A string goes as a literal, so that it is only a value, whatever it holds. */
export const assignment = (pragma: string, value: string | number | bigint | boolean): string =>
  `PRAGMA ${pragma} = ${typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : value}`
