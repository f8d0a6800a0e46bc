"""Free pages go back to the disk."""

from __future__ import annotations

from sqlalchemy import Engine, insert

from storage import schema, space
from storage.leadership import Lease
from storage.slices import Slices


def fill(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        rows = [
            {"series_id": number, "window": 1, "count": 1, "data": b"x" * 4000}
            for number in range(count)
        ]
        connection.execute(insert(schema.chunks), rows)


def test_a_file_shrinks_by_its_free_pages_but_a_spare(engine: Engine, lease: Lease) -> None:
    fill(engine, 3_000)
    with engine.begin() as connection:
        connection.execute(schema.chunks.delete())

    slices = Slices(engine, lease, pause=lambda _: None)
    gone = space.give_back(slices)

    if engine.dialect.name == "postgresql":
        assert gone == 0
        return
    assert gone > 1_500
    with engine.connect() as connection:
        left = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    assert left <= space.SPARE_PAGES
    assert space.give_back(slices) == 0
