"""Recomputes windows, from their definition alone, out of the raw rows of a lake, and compares them with what the API answered.

air_windows.py DATA_DIR ANSWERS     ANSWERS: JSON {"zone", "series": [{station, speakers, interval_s, quantity, layer, bucket, basis,
                                    min_coverage, tz, as_of, items}], "exceedances": [...]}, times in microseconds since 1970

Nothing here is shared with Kerbside: rows come by DuckDB, local time from zoneinfo, sums are added up by math.fsum.
"""
import json
import math
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import duckdb
import pyarrow  # noqa: F401  (deltalake hands its data over as Arrow)
from deltalake import DeltaTable

SECOND = 1_000_000
HOUR = 3600 * SECOND
OUT = {"invalid", "calibration", "maintenance", "fault"}
RANGES = {"pm1": (-15, 2000), "pm25": (-15, 2000), "pm10": (-15, 2000), "co": (-500, 200000)}
RANGES |= {gas: (-500, 50000) for gas in ("no2", "no", "o3", "so2")}
SENTINELS = {-999.0, -9999.0, 9999.0, 65535.0}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def micros(when):
    return (when - EPOCH) // timedelta(microseconds=1)


def local(zone, at):
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone)


def midnight(zone, day):
    return micros(datetime(day.year, day.month, day.day, tzinfo=zone))


def after(bucket, day):
    if bucket == "24h":
        return day + timedelta(days=1)
    if bucket == "1mo":
        return date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date(day.year + 1, 1, 1)


def seconds(a, b):
    return (b - a) / SECOND


class Part:
    """A window: value, coverage, whether it is valid, and of how many values it is made."""

    def __init__(self, value=None, coverage=0.0, valid=False, values=()):
        self.value, self.coverage, self.valid = value, coverage, valid
        self.n, self.min, self.max = len(values), min(values, default=None), max(values, default=None)


class Series:
    def __init__(self, rows, city, tz, interval_s, basis, least, as_of):
        self.city, self.tz, self.interval_s = city, tz, interval_s
        self.basis, self.least, self.as_of = basis, least, as_of
        told = [row for row in rows if row[0] <= as_of]
        self.rows = [(at - avg * SECOND // 2, avg, avg or interval_s, value) for at, avg, value in told]
        self.by_hour = defaultdict(list)
        self.by_minute = defaultdict(list)
        self.hours = {}
        for row in self.rows:
            if row[1] <= 3600:
                self.by_hour[self.start(row[0], HOUR)].append(row)
            if row[1] <= 60:
                self.by_minute[self.start(row[0], 60 * SECOND)].append(row)

    def start(self, at, length):
        offset = local(self.city, at).utcoffset() // timedelta(microseconds=1)
        return (at + offset) // length * length - offset

    def weighed(self, rows, a, b):
        if not rows:
            return Part()
        shortest = min(row[2] for row in rows)
        rows = [row for row in rows if row[2] == shortest]
        w = sum(row[2] for row in rows)
        mean = math.fsum(row[2] * row[3] for row in rows) / w
        elapsed, over = seconds(a, max(a, min(b, self.as_of))), b <= self.as_of
        enough = elapsed > 0 and w / elapsed >= self.least
        values = [row[3] for row in rows]
        coverage = min(w / elapsed, 1.0) if elapsed > 0 else 0.0
        return Part(mean if enough or not over else None, coverage, enough and over, values)

    def hour(self, a):
        if a not in self.hours:
            self.hours[a] = self.weighed(self.by_hour.get(a, []), a, a + HOUR)
        return self.hours[a]

    def of_parts(self, parts, count, a, b):
        values = [part.value for part in parts if part.valid]
        elapsed, over = seconds(a, max(a, min(b, self.as_of))), b <= self.as_of
        of = count if over else count * elapsed / seconds(a, b)
        enough = bool(values) and len(values) / of >= self.least
        mean = math.fsum(values) / len(values) if values else None
        coverage = min(len(values) / of, 1.0) if of > 0 else 0.0
        return Part(mean if values and (enough or not over) else None, coverage, enough and over, values)

    def of_hours(self, a, b, longest):
        starts = [at for at in range(a, b, HOUR) if at in self.by_hour]
        if not starts:
            return self.longer(a, b, longest)
        return self.of_parts([self.hour(at) for at in starts], (b - a) / HOUR, a, b)

    def longer(self, a, b, longest):
        found = [row for row in self.rows if 3600 < row[1] <= longest and a <= row[0] < b]
        return self.weighed(found, a, b)

    def window(self, bucket, a, b):
        if bucket == "1m":
            return self.weighed(self.by_minute.get(a, []), a, b)
        if bucket == "1h":
            return self.hour(a)
        if bucket == "8h":
            return self.of_hours(a, b, 8 * 3600)
        if bucket == "24h":
            return self.of_hours(a, b, 86400)
        if self.basis == "1h":
            return self.of_hours(a, b, (b - a) // SECOND)
        if not any(at in self.by_hour for at in range(a, b, HOUR)):
            return self.longer(a, b, (b - a) // SECOND)
        days = list(self.spans("24h", a, b))
        return self.of_parts([self.of_hours(x, y, 86400) for x, y in days], len(days), a, b)

    def spans(self, bucket, a, b):
        if bucket in ("1m", "1h", "8h"):
            length = 60 * SECOND if bucket == "1m" else HOUR
            at = self.start(a, length)
            while at < b:
                yield (at + length - 8 * HOUR if bucket == "8h" else at), at + length
                at += length
            return
        day = local(self.tz, a).date()
        day = {"24h": day, "1mo": day.replace(day=1), "1y": day.replace(month=1, day=1)}[bucket]
        while midnight(self.tz, day) < b:
            yield midnight(self.tz, day), midnight(self.tz, after(bucket, day))
            day = after(bucket, day)


def near(a, b):
    if a is None or b is None:
        return a is b
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


class Rows:
    """Every accepted air reading, by sensor."""

    def __init__(self, data_dir):
        readings = DeltaTable(f"{data_dir}/lake/air_readings").to_pyarrow_table()
        rows = duckdb.sql("select * exclude (observed_at, received_at, day), epoch_us(observed_at) us from readings order by sensor, us, avg_s")
        self.by_sensor = defaultdict(list)
        for row in (dict(zip(rows.columns, row)) for row in rows.fetchall()):
            self.by_sensor[row["sensor"]].append(row)

    def of(self, speakers, quantity, layer):
        found = []
        for sensor, a, b in speakers:
            for row in self.by_sensor[sensor]:
                value = row[quantity]
                if value is not None and a <= row["us"] < b and self.counts(row, quantity, value, layer):
                    found.append((row["us"], row["avg_s"], value))
        return found

    @staticmethod
    def counts(row, quantity, value, layer):
        if layer == "raw":
            return True
        if layer == "validated" or dict(row["qc"] or []).get(quantity) in OUT:
            return False
        low, high = RANGES.get(quantity, (-math.inf, math.inf))
        sent = dict(row["as_sent"] or []).get(quantity)
        return low <= value <= high and (sent["value"] if sent else value) not in SENTINELS


def compare(rows, city, answer):
    tz = ZoneInfo(answer["tz"])
    series = Series(
        rows.of(answer["speakers"], answer["quantity"], answer["layer"]),
        city, tz, answer["interval_s"], answer["basis"], answer["min_coverage"], answer["as_of"],
    )
    name = f"{answer['station']} {answer['quantity']} {answer['layer']} {answer['bucket']} {answer['basis']} {answer['min_coverage']}"
    spans = list(series.spans(answer["bucket"], answer["from"], answer["to"]))
    assert spans == [(item["from"], item["to"]) for item in answer["items"]], f"{name}: other buckets"
    for (a, b), item in zip(spans, answer["items"]):
        part = series.window(answer["bucket"], a, b)
        made = {key: getattr(part, key) for key in ("value", "coverage", "valid", "n", "min", "max")}
        same = part.n == item["n"] and part.valid == item["valid"]
        same = same and all(near(made[key], item[key]) for key in ("value", "coverage", "min", "max"))
        assert same, f"{name} {local(tz, a)}: made {made}, answered {item}"
    return len(spans)


def exceeded(rows, city, ask):
    """Means above a limit, of running 8-hour means the largest of each day: (station, quantity, averaging, from, to) and their value."""
    found, known = {}, {}
    for station in ask["stations"]:
        for limit in ask["limits"]:
            quantity, averaging = limit["quantity"], limit["averaging"]
            if (station, quantity) not in known:
                taken = rows.of([[station, -(2**62), 2**62]], quantity, "checked")
                known[station, quantity] = Series(taken, city, city, 3600, "24h", 0.75, ask["as_of"])
            series = known[station, quantity]
            bucket = {"1h": "1h", "8h": "24h", "24h": "24h", "1y": "1y"}[averaging]
            for a, b in series.spans(bucket, ask["from"], ask["to"]):
                if not ask["from"] < b <= ask["to"]:
                    continue
                if averaging == "8h":
                    parts = [(x, y, series.window("8h", x, y)) for x, y in series.spans("8h", a, b)]
                    parts = [part for part in parts if part[2].valid]
                    best = max(parts, key=lambda part: part[2].value, default=None)
                else:
                    best = (a, b, series.window(bucket, a, b))
                if best and best[2].valid and best[2].value * limit["factor"] > limit["value"]:
                    found[station, quantity, averaging, best[0], best[1]] = best[2].value * limit["factor"]
    return found


def main():
    data_dir, answers = sys.argv[1:]
    asked = json.load(open(answers))
    rows, city = Rows(data_dir), ZoneInfo(asked["zone"])
    windows = sum(compare(rows, city, answer) for answer in asked["series"])
    for ask in asked.get("exceedances", []):
        made = exceeded(rows, city, ask)
        answered = {(i["station"], i["pollutant"], i["averaging"], i["from"], i["to"]): i["value"] for i in ask["items"]}
        apart = sorted(made.keys() ^ answered.keys())
        assert not apart and len(answered) == len(ask["items"]), f"{ask['standard']}: not in both {apart[:3]}"
        wrong = [(key, made[key], answered[key]) for key in made if abs(made[key] - answered[key]) > 1e-6]
        assert not wrong, f"{ask['standard']}: {wrong[:3]}"
        windows += len(made)
    print(f"{len(asked['series'])} series, {windows} windows and exceedances agree")


main()
