/**
 * The peers on PostgreSQL; the ratios are to the first.
 */
import type { Peer } from "../peer.js"
import { drizzle } from "./drizzle.js"
import { effectSqlPg } from "./effectSqlPg.js"
import { engine, plain as enginePlain } from "./engine.js"
import { knex } from "./knex.js"
import { kysely } from "./kysely.js"
import { mikroOrm } from "./mikroOrm.js"
import { plain, unnamed } from "./pg.js"
import { pgbench } from "./pgbench.js"
import { postgresJs } from "./postgresJs.js"
import { prisma } from "./prisma.js"
import { sequelize } from "./sequelize.js"
import { slonik } from "./slonik.js"
import { sqlAlchemy } from "./sqlAlchemy.js"
import { typeorm } from "./typeorm.js"

export const peers: ReadonlyArray<Peer> = [
  plain,
  engine,
  enginePlain,
  unnamed,
  postgresJs,
  effectSqlPg,
  drizzle,
  kysely,
  knex,
  typeorm,
  mikroOrm,
  prisma,
  sequelize,
  slonik,
  sqlAlchemy,
  pgbench
]
