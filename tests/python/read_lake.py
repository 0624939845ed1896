"""Reads the reading tables of a lake as anyone would, without Kerbside.

read_lake.py DATA_DIR exact PARKING AIR   exactly so many rows, each identity once
read_lake.py DATA_DIR 0 MOST              any number of rows up to MOST, each identity once (commits may be under way)
"""
import sys

import duckdb
import pyarrow  # noqa: F401  (deltalake hands its data over as Arrow)
from deltalake import DeltaTable

IDENTITY = {
    "parking_readings": "sensor, observed_at",
    "air_readings": "sensor, observed_at, avg_s",
}


def count(data_dir: str, table: str) -> int:
    delta = DeltaTable(f"{data_dir}/lake/{table}")
    assert delta.protocol().min_reader_version == 1, delta.protocol()
    by_delta = delta.to_pyarrow_table()
    doubled = duckdb.sql(
        f"select {IDENTITY[table]}, count(*) n from by_delta group by all having n > 1 limit 3"
    ).fetchall()
    assert not doubled, f"{table}: doubled {doubled}"
    wrong_day = duckdb.sql(
        "select count(*) from by_delta where day != cast(timezone('UTC', observed_at) as date)"
    ).fetchall()[0][0]
    assert wrong_day == 0, f"{table}: {wrong_day} rows under a wrong day"
    files = delta.file_uris()
    if files:
        by_files = duckdb.sql(f"select count(*) from read_parquet({files}, hive_partitioning = true)").fetchall()[0][0]
        assert by_files == by_delta.num_rows, f"{table}: {by_files} rows in files, {by_delta.num_rows} by Delta"
    return by_delta.num_rows


def main() -> None:
    data_dir, mode, *numbers = sys.argv[1:]
    parking, air = count(data_dir, "parking_readings"), count(data_dir, "air_readings")
    if mode == "exact":
        wanted = tuple(map(int, numbers))
        assert (parking, air) == wanted, f"found {(parking, air)}, wanted {wanted}"
    else:
        assert parking + air <= int(numbers[0]), (parking, air)
    print(f"{parking} parking readings, {air} air readings")


main()
