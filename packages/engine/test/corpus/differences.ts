/**
 * Where an address is knowingly not read as libpq reads it: the reason, and for each text of `postgres.json` that it
 * concerns the URL it is read as, or the field that is refused.
 */
export interface Difference {
  readonly reason: string
  readonly texts: Readonly<Record<string, string | { readonly field: string }>>
}

export const differences: ReadonlyArray<Difference> = [
  {
    reason: "A raw @ where libpq would take a piece of a password for a host or a database name is refused.",
    texts: {
      "postgres://host:5432/a@b": { field: "password" },
      "postgres://user:pw@host/a@b": { field: "password" },
      "postgres://user:p@ss@host/db": { field: "password" },
      "postgres://user:1/2@host/db": { field: "password" },
      "postgres://user:/x@host/db": { field: "password" },
      "postgres://a@b@c/": { field: "password" },
      "postgres://user@@abstract/db": { field: "password" }
    }
  },
  {
    reason: "Blanks around a URL are dropped; libpq takes a URL behind a blank for a key=value string.",
    texts: {
      " postgres://host/db": "postgresql://host:5432/db",
      "\tpostgres://host/db\n": "postgresql://host:5432/db",
      "postgres://host/db\t": "postgresql://host:5432/db"
    }
  },
  {
    reason: "Schemes may be written in capitals, as pgsql, and with SQLAlchemy's driver name.",
    texts: {
      "POSTGRES://host/db": "postgresql://host:5432/db",
      "PostgreSQL://host/db": "postgresql://host:5432/db",
      "pgsql://host/db": "postgresql://host:5432/db",
      "postgresql+psycopg2://u:p@host/db": "postgresql://u:p@host:5432/db",
      "postgres+asyncpg://host/db": "postgresql://host:5432/db"
    }
  },
  {
    reason: "An empty text is a mistake, not the default database.",
    texts: {
      "": { field: "url" },
      " ": { field: "url" },
      "\t\n": { field: "url" }
    }
  },
  {
    reason: "ssl=… takes more than JDBC's true, and in key=value strings too.",
    texts: {
      "host=h ssl=true": "postgresql://h:5432?sslmode=require",
      "postgres://h/db?ssl=1": "postgresql://h:5432/db?sslmode=require",
      "host=h ssl=1": "postgresql://h:5432?sslmode=require",
      "postgres://h/db?ssl=false": "postgresql://h:5432/db?sslmode=disable",
      "host=h ssl=false": "postgresql://h:5432?sslmode=disable",
      "postgres://h/db?ssl=require": "postgresql://h:5432/db?sslmode=require",
      "host=h ssl=require": "postgresql://h:5432?sslmode=require"
    }
  },
  {
    reason: "Parameters of the engine, and names other clients use for them.",
    texts: {
      "postgres://h/db?pool_size=5": "postgresql://h:5432/db?pool_size=5",
      "host=h pool_size=5": "postgresql://h:5432?pool_size=5",
      "postgres://h/db?connection_limit=5": "postgresql://h:5432/db?pool_size=5",
      "host=h connection_limit=5": "postgresql://h:5432?pool_size=5",
      "postgres://h/db?max=5": "postgresql://h:5432/db?pool_size=5",
      "host=h max=5": "postgresql://h:5432?pool_size=5",
      "postgres://h/db?schema=app": "postgresql://h:5432/db?search_path=app",
      "host=h schema=app": "postgresql://h:5432?search_path=app",
      "postgres://h/db?search_path=app": "postgresql://h:5432/db?search_path=app",
      "host=h search_path=app": "postgresql://h:5432?search_path=app",
      "postgres://h/db?pgbouncer=true": "postgresql://h:5432/db?prepare=false&pgbouncer=true",
      "host=h pgbouncer=true": "postgresql://h:5432?prepare=false&pgbouncer=true",
      "postgres://h/db?prepare=false": "postgresql://h:5432/db?prepare=false",
      "host=h prepare=false": "postgresql://h:5432?prepare=false",
      "postgres://h/db?pool_timeout=10": "postgresql://h:5432/db?pool_timeout=10s",
      "host=h pool_timeout=10": "postgresql://h:5432?pool_timeout=10s",
      "postgres://h/db?max_overflow=3": "postgresql://h:5432/db?max_overflow=3",
      "host=h max_overflow=3": "postgresql://h:5432?max_overflow=3",
      "postgres://h/db?statement_timeout=5000": "postgresql://h:5432/db?statement_timeout=5s",
      "host=h statement_timeout=5000": "postgresql://h:5432?statement_timeout=5s",
      "postgres://h/db?lock_timeout=1s": "postgresql://h:5432/db?lock_timeout=1s",
      "host=h lock_timeout=1s": "postgresql://h:5432?lock_timeout=1s"
    }
  },
  {
    reason: "pg_service.conf is not read: to ignore the parameter would be to go to the wrong server.",
    texts: {
      "postgres://h/db?service=prod": { field: "service" },
      "host=h service=prod": { field: "service" }
    }
  },
  {
    reason: "Numbers are checked at once; libpq checks these when it connects.",
    texts: {
      "postgres://h/db?connect_timeout=abc": { field: "connect_timeout" },
      "postgres://h/db?connect_timeout=": { field: "connect_timeout" },
      "postgres://h/db?connect_timeout=1.5": { field: "connect_timeout" },
      "postgres://h/db?connect_timeout=99999999999": { field: "connect_timeout" },
      "postgres://h/db?keepalives=foo": { field: "keepalives" },
      "postgres://h/db?keepalives_idle=foo": { field: "keepalives_idle" },
      "postgres://h/db?tcp_user_timeout=foo": { field: "tcp_user_timeout" },
      "host=h connect_timeout=": { field: "connect_timeout" },
      "host=h connect_timeout=abc": { field: "connect_timeout" }
    }
  },
  {
    reason: "A database name that is a URL, or a host with ;name=… in it, is a misplaced address.",
    texts: {
      "host=h;port=5432": { field: "parameters" },
      "dbname=postgres://u:p@h/db": { field: "dbname" }
    }
  },
  {
    reason: "sslmode may still come from elsewhere, so sslnegotiation=direct is not checked against libpq's default.",
    texts: {
      "postgres://h/db?sslnegotiation=direct": "postgresql://h:5432/db?sslnegotiation=direct"
    }
  },
  {
    reason: "What libpq fills in when it connects is filled in at once.",
    texts: {
      "postgres://h/db?sslrootcert=system": "postgresql://h:5432/db?sslmode=verify-full&sslrootcert=system"
    }
  },
  {
    reason: "The same value in one spelling.",
    texts: {
      "postgres://h/db?ssl_min_protocol_version=tlsv1.3": "postgresql://h:5432/db?ssl_min_protocol_version=TLSv1.3",
      "postgres://h/db?ssl_max_protocol_version=TLSV1.2": "postgresql://h:5432/db?ssl_max_protocol_version=TLSv1.2",
      "postgres://h/db?connect_timeout=-1": "postgresql://h:5432/db?connect_timeout=0",
      "postgres://h/db?connect_timeout=%2010%20": "postgresql://h:5432/db?connect_timeout=10"
    }
  },
  {
    reason: "An unknown parameter is a note, not a failure.",
    texts: {
      "postgresql://host/db?u%7aer=someotheruser&port=12345": "postgresql://host:12345/db",
      "postgresql://host?uzer=": "postgresql://host:5432",
      "postgres://host/db??user=u": "postgresql://host:5432/db",
      "postgres://host?a/b=c": "postgresql://host:5432",
      "postgres://h/db?SSLMODE=require": "postgresql://h:5432/db",
      "host=h SSLMODE=require": "postgresql://h:5432",
      "postgres://h/db?ssl_mode=require": "postgresql://h:5432/db",
      "host=h ssl_mode=require": "postgresql://h:5432",
      "postgres://h/db?sslmod=require": "postgresql://h:5432/db",
      "host=h sslmod=require": "postgresql://h:5432",
      "postgres://h/db?foo=bar": "postgresql://h:5432/db",
      "host=h foo=bar": "postgresql://h:5432",
      "postgres://h/db?database=db2": "postgresql://h:5432/db",
      "host=h database=db2": "postgresql://h:5432",
      "postgres://h/db?username=u": "postgresql://h:5432/db",
      "host=h username=u": "postgresql://h:5432"
    }
  }
]
