/**
 * What each command does, in one line: for the overview and for the help of each.
 */

/** By the words of the command. */
export const about = {
  "doctor": "Look at configuration, server, rights and schema, and tell what to do.",
  "wait": "Wait until the server answers, the database is there, or its migrations are applied.",
  "create": "Create the database, unless it is there.",
  "drop": "Drop the database with everything in it.",
  "migrate status": "List every migration and what has become of it.",
  "migrate up": "Apply what is pending, each migration in a transaction of its own.",
  "migrate down": "Take migrations back, the newest first.",
  "migrate new": "Make the file of the next migration.",
  "migrate check": "Exit with 3 when migrations are pending, with 4 when they differ.",
  "migrate baseline": "Take all up to this one for applied, without running them.",
  "migrate mark": "Say of one migration that it is applied or pending.",
  "migrate unlock": "Take the lock of migrations away from whoever has it.",
  "seed": "Write the first rows, once, into a blank database.",
  "reset": "Drop the database, create it, migrate it, and seed it.",
  "diagram": "Print the tables of the database as a Mermaid diagram.",
  "sql": "Run statements and print what they answer."
} as const

/** The overview of all commands, or of those of a group. */
export const overview = (group: string | undefined): string => {
  const ofGroup = Object.entries(about).filter(([name]) => name.startsWith(`${group} `))
  const entries = ofGroup.length > 0 ? ofGroup : Object.entries(about)
  return [
    `Usage: db ${ofGroup.length > 0 ? `${group} ` : ""}COMMAND [OPTIONS]`,
    "",
    ...entries.map(([name, what]) => `  db ${name.padEnd(17)} ${what}`),
    "",
    "The database is --url, else DATABASE_URL, else PGHOST and its kin, from the environment or from .env.",
    "`db COMMAND --help` tells the options of a command, `db --version` the version.",
    ""
  ].join("\n")
}
