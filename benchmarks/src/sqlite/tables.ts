/**
 * The tables and their rows; each peer has a file of its own.
 */
import type Sqlite from "better-sqlite3"
import { accounts, wideRows } from "../workload/data.js"

export const fill = (db: Sqlite.Database): void => {
  db.pragma("journal_mode = wal")
  db.exec(`
    CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT NOT NULL, amount INTEGER NOT NULL);
    CREATE TABLE account (aid INTEGER PRIMARY KEY, bid INTEGER NOT NULL, balance INTEGER NOT NULL);
    CREATE TABLE teller (tid INTEGER PRIMARY KEY, bid INTEGER NOT NULL, balance INTEGER NOT NULL);
    CREATE TABLE branch (bid INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
    CREATE TABLE history (
      id INTEGER PRIMARY KEY, tid INTEGER NOT NULL, bid INTEGER NOT NULL, aid INTEGER NOT NULL, delta INTEGER NOT NULL
    );
    CREATE TABLE wide (
      id INTEGER PRIMARY KEY, small INTEGER NOT NULL, large INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
      mail TEXT NOT NULL, price TEXT NOT NULL, ratio REAL NOT NULL, active INTEGER NOT NULL, at TEXT NOT NULL
    );
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${accounts})
      INSERT INTO account SELECT n, 1 + n % 100, 0 FROM n;
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${wideRows})
      INSERT INTO wide SELECT n, n % 100, n * 1000, 'title ' || n, 'body body body body body body body body ' || n,
        'person' || n || '@example.org', n * 1.25, n / 7.0, n % 2, datetime('2026-01-01', n || ' minutes') FROM n;
  `)
}

/** What a peer has written, in one line. */
export const digest = (db: Sqlite.Database): string => {
  const { amount, count, labels } = db.prepare(
    "SELECT count(*) AS count, sum(amount) AS amount, sum(length(label) * amount + id) AS labels FROM item"
  ).get() as { count: number; amount: number; labels: number }
  return `${count} ${amount} ${labels}`
}
