"""SQLAlchemy as a peer: reads a batch a line, does it, and prints how many milliseconds it took."""

import json
import sys
import time

from sqlalchemy import Boolean, Column, DateTime, Float, Integer, Numeric, Text, create_engine, select, update
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class Item(Base):
    __tablename__ = "item"
    id = Column(Integer, primary_key=True)
    label = Column(Text, nullable=False)
    amount = Column(Integer, nullable=False)


class Account(Base):
    __tablename__ = "account"
    aid = Column(Integer, primary_key=True)
    bid = Column(Integer, nullable=False)
    balance = Column(Integer, nullable=False)


class Teller(Base):
    __tablename__ = "teller"
    tid = Column(Integer, primary_key=True)
    bid = Column(Integer, nullable=False)
    balance = Column(Integer, nullable=False)


class Branch(Base):
    __tablename__ = "branch"
    bid = Column(Integer, primary_key=True)
    balance = Column(Integer, nullable=False)


class History(Base):
    __tablename__ = "history"
    id = Column(Integer, primary_key=True)
    tid = Column(Integer, nullable=False)
    bid = Column(Integer, nullable=False)
    aid = Column(Integer, nullable=False)
    delta = Column(Integer, nullable=False)


class Wide(Base):
    __tablename__ = "wide"
    id = Column(Integer, primary_key=True)
    small = Column(Integer)
    large = Column(Integer)
    title = Column(Text)
    body = Column(Text)
    mail = Column(Text)
    price = Column(Numeric(12, 2))
    ratio = Column(Float)
    active = Column(Boolean)
    at = Column(DateTime(timezone=True))


engine = create_engine(sys.argv[1], future=True)


def item(i):
    return {"label": f"item {i}", "amount": (i * 7919) % 1000}


def insert(i):
    with Session(engine, future=True) as session, session.begin():
        session.add(Item(**item(i)))


def transfer(i):
    aid, tid, bid = 1 + (i * 7919) % 100_000, 1 + (i * 31) % 1_000, 1 + (i * 17) % 100
    delta = (i * 13) % 1000 - 500
    plain = {"synchronize_session": False}
    with Session(engine, future=True) as session, session.begin():
        session.execute(update(Account).where(Account.aid == aid).values(balance=Account.balance + delta), execution_options=plain)
        session.execute(select(Account.balance).where(Account.aid == aid)).scalar_one()
        session.execute(update(Teller).where(Teller.tid == tid).values(balance=Teller.balance + delta), execution_options=plain)
        session.execute(update(Branch).where(Branch.bid == bid).values(balance=Branch.balance + delta), execution_options=plain)
        session.add(History(tid=tid, bid=bid, aid=aid, delta=delta))


def find(i):
    with Session(engine.execution_options(isolation_level="AUTOCOMMIT"), future=True) as session:
        session.get(Account, 1 + (i * 7919) % 100_000)


def unit(i):
    with Session(engine, future=True) as session, session.begin():
        session.add_all([Item(**item(i * 1000 + at)) for at in range(1000)])


def wide(_):
    with Session(engine, future=True) as session:
        session.execute(select(Wide)).scalars().all()


work = {"insert": insert, "transfer": transfer, "find": find, "unit": unit, "wide": wide}

for line in sys.stdin:
    asked = json.loads(line)
    run = work[asked["work"]]
    start = time.perf_counter()
    for i in range(asked["from"], asked["from"] + asked["count"]):
        run(i)
    print((time.perf_counter() - start) * 1000, flush=True)
