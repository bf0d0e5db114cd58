"""What is in the database, for people who look after it."""

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Engine, Text, column, func, literal_column, select, table

from services.store.schema import metadata, sink_offsets


class TableSize(NamedTuple):
    """Rows are PostgreSQL's estimate, partitions are summed."""

    name: str
    rows: int
    size_bytes: int


def tables(engine: Engine) -> list[TableSize]:
    """Return every table of ours with its size."""
    classes = table("pg_class", column("relname", Text), column("reltuples", BigInteger), column("oid"))
    size = func.pg_total_relation_size(classes.c.oid)
    parts = func.pg_partition_tree(classes.c.oid).table_valued("relid")
    whole = select(func.sum(func.pg_total_relation_size(literal_column("relid")))).select_from(parts).scalar_subquery()
    estimate = (
        select(func.sum(func.greatest(literal_column("c.reltuples"), 0)))
        .select_from(parts.join(classes.alias("c"), literal_column("c.oid") == literal_column("relid")))
        .scalar_subquery()
    )
    found = select(
        classes.c.relname,
        func.coalesce(estimate, func.greatest(classes.c.reltuples, 0)),
        func.coalesce(whole, size),
    ).where(classes.c.relname.in_(metadata.tables))
    with engine.connect() as connection:
        rows = connection.execute(found.order_by(classes.c.relname)).all()
    return [TableSize(name, int(count), int(size_bytes)) for name, count, size_bytes in rows]


def recorded(engine: Engine) -> dict[str, int]:
    """Return how many offsets of each topic the tables contain."""
    total = select(sink_offsets.c.topic, func.sum(sink_offsets.c.next)).group_by(sink_offsets.c.topic)
    with engine.connect() as connection:
        return {topic: int(count) for topic, count in connection.execute(total.order_by(sink_offsets.c.topic))}


def rows(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Return every row of a table, JSON decoded, in the order of its primary key: for checks on small databases."""
    wanted = metadata.tables[name]
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(wanted).order_by(*wanted.primary_key)).mappings()]
