/**
 * The peers on SQLite; the ratios are to the first.
 */
import type { Peer } from "../peer.js"
import { plain } from "./betterSqlite3.js"
import { drizzle } from "./drizzle.js"
import { effectSqlSqlite } from "./effectSqlSqlite.js"
import { engine } from "./engine.js"
import { kysely } from "./kysely.js"
import { mikroOrm } from "./mikroOrm.js"
import { typeorm } from "./typeorm.js"

export const peers: ReadonlyArray<Peer> = [plain, engine, effectSqlSqlite, drizzle, kysely, typeorm, mikroOrm]
