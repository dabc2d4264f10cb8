/**
 * Sequelize on `pg`.
 */
import { DataTypes, Sequelize } from "sequelize"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

export const sequelize: Peer = {
  name: "sequelize",
  packages: ["sequelize", "pg"],
  open: async (url, max) => {
    const db = new Sequelize(url, { logging: false, pool: { min: 0, max, acquire: 600_000, idle: 600_000 } })
    const options = { freezeTableName: true, timestamps: false } as const
    // It writes into what it is given: each column needs a description of its own.
    const integer = () => ({ type: DataTypes.INTEGER, allowNull: false })
    const key = () => ({ type: DataTypes.INTEGER, primaryKey: true })
    const generated = () => ({ ...key(), autoIncrement: true })
    const text = () => ({ type: DataTypes.TEXT, allowNull: false })
    const item = db.define("item", { id: generated(), label: text(), amount: integer() }, options)
    const account = db.define("account", { aid: key(), bid: integer(), balance: integer() }, options)
    const teller = db.define("teller", { tid: key(), bid: integer(), balance: integer() }, options)
    const branch = db.define("branch", { bid: key(), balance: integer() }, options)
    const history = db.define("history", {
      id: generated(),
      tid: integer(),
      bid: integer(),
      aid: integer(),
      delta: integer()
    }, options)
    const wide = db.define("wide", {
      id: key(),
      small: integer(),
      large: integer(),
      title: text(),
      body: text(),
      mail: text(),
      price: DataTypes.DECIMAL(12, 2),
      ratio: DataTypes.DOUBLE,
      active: DataTypes.BOOLEAN,
      at: DataTypes.DATE
    }, options)
    return {
      insert: promised((i) => db.transaction((transaction) => item.create(data.item(i), { transaction }))),
      transfer: promised((i) =>
        db.transaction(async (transaction) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await account.increment({ balance: delta }, { where: { aid }, transaction })
          await account.findByPk(aid, { attributes: ["balance"], raw: true, transaction })
          await teller.increment({ balance: delta }, { where: { tid }, transaction })
          await branch.increment({ balance: delta }, { where: { bid }, transaction })
          await history.create({ tid, bid, aid, delta }, { transaction })
        })
      ),
      find: promised((i) => account.findByPk(data.account(i), { raw: true })),
      unit: promised((i) =>
        db.transaction((transaction) => item.bulkCreate(data.unit(i), { transaction, returning: true }))
      ),
      wide: promised(() => wide.findAll({ raw: true })),
      close: () => db.close()
    }
  }
}
