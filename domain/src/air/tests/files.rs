//! A city's own files: taken without compiling anything, and refused by file, key and reason.

use super::*;

/// Brazil's index for days: bands meet, indices go from 40 to 41. Concentrations in µg/m³, carbon monoxide in ppm (Guia técnico,
/// MMA 2020).
const IQAR: &str = r##"
kind = "index"
id = "iqar"
title = { pt = "Índice de qualidade do ar", en = "Brazilian air quality index" }
source = "Guia técnico para o monitoramento e avaliação da qualidade do ar, Ministério do Meio Ambiente, 2020"
need_one_of = []
valid_percent = 75
day_largest_valid_percent = 75

[[tables]]
id = "2020"

[[columns]]
quantity = "pm25"
unit = "ug/m3"
decimals = 0
day = "24h"
above = "last"
bands = [[0, 25, 0, 40], [25, 50, 41, 80], [50, 75, 81, 120], [75, 125, 121, 200], [125, 300, 201, 400]]

[[columns]]
quantity = "co"
unit = "ppm"
decimals = 0
day = "8h"
above = "last"
bands = [[0, 9, 0, 40], [9, 11, 41, 80], [11, 13, 81, 120], [13, 15, 121, 200], [15, 50, 201, 400]]

[[categories]]
to = 40
colour = "#00FF00"
label = { pt = "Boa" }
public = { pt = "Aproveite o ar livre." }
sensitive = { pt = "Aproveite o ar livre." }

[[categories]]
to = 400
colour = "#7E0023"
label = { pt = "Pior" }
public = { pt = "Evite esforços ao ar livre." }
sensitive = { pt = "Fique em casa." }
"##;

#[test]
fn another_country_s_index_is_a_file() {
    let standards = Standards::built_in().with("iqar.toml", IQAR).expect("it fits");
    let index = standards.index("iqar").expect("it is known");
    assert!(index.is_daily() && !index.is_hourly());
    let table = index.table(Edition::Newest).expect("a table");
    for (fine, aqi, label) in [(25.0, 40, "Boa"), (25.9, 40, "Boa"), (26.0, 43, "Pior"), (50.0, 80, "Pior"), (999.0, 400, "Pior")]
    {
        let fine = vec![Some(fine); 24];
        let outcome = index.day(table, &means(&[(Quantity::Pm25, &fine)]), 24, 25.0);
        let made = outcome.aqi.expect("an index");
        let category = index.category(made.level).expect("a category");
        assert_eq!((made.aqi, category.label["pt"].as_str()), (aqi, label));
    }
    let error = standards.with("again.toml", IQAR).expect_err("twice");
    assert_eq!(error.to_string(), "again.toml: id: there is a standard called iqar already");
}

#[track_caller]
fn refused(text: &str, key: &str, reason: &str) {
    let error = Standards::built_in().with("city.toml", text).expect_err("it does not fit");
    assert_eq!((error.file.as_str(), error.key.as_str()), ("city.toml", key), "{error}");
    assert!(error.reason.contains(reason), "{error}");
}

#[test]
fn what_does_not_fit_together_is_told_by_its_key() {
    let broken = |from: &str, to: &str| {
        assert!(IQAR.contains(from), "{from}");
        IQAR.replacen(from, to, 1)
    };
    for (from, to, key, reason) in [
        ("\"iqar\"", "\"IQ Ar\"", "id", "no word"),
        ("\"iqar\"", "\"qcvn05\"", "id", "already"),
        ("\"pm25\"", "\"pm2.5\"", "columns[0].quantity", "no quantity is called"),
        ("\"ug/m3\"", "\"µg\"", "columns[0].unit", "no unit is called"),
        ("\"ug/m3\"", "\"ppb\"", "columns[0].unit", "pm25 is not measured in ppb"),
        ("day = \"24h\"", "day = \"nowcast\"", "columns[0].day", "none of 1h, 8h, 24h"),
        ("day = \"24h\"\n", "", "columns[0]", "neither hour nor day"),
        ("decimals = 0", "decimals = 7", "columns[0].decimals", "more than 6"),
        ("[25, 50, 41, 80]", "[25, 25, 41, 80]", "columns[0].bands[1]", "does not rise"),
        ("[25, 50, 41, 80]", "[25, 50, 80, 41]", "columns[0].bands[1]", "does not rise"),
        ("[25, 50, 41, 80]", "[30, 50, 41, 80]", "columns[0].bands[1]", "begin where the one before ends"),
        ("[25, 50, 41, 80]", "[25, 50, 31, 80]", "columns[0].bands[1]", "below that of the one before"),
        ("[0, 25, 0, 40]", "[0, 25.5, 0, 40]", "columns[0].bands[0]", "more decimals"),
        ("[0, 25, 0, 40]", "[-1, 25, 0, 40]", "columns[0].bands[0]", "no concentration"),
        ("above = \"last\"", "above = \"last\"\nupper = [1]", "columns[0]", "one of points and bands"),
        ("above = \"last\"", "above = \"last\"\ntable = \"2019\"", "columns[0].table", "no table"),
        ("to = 400", "to = 40", "categories[1].to", "not above"),
        ("to = 400", "to = 300", "categories", "pm25 goes to 400, the last category to 300"),
        ("\"#00FF00\"", "\"green\"", "categories[0].colour", "no colour"),
        ("{ pt = \"Boa\" }", "{ pt = \" \" }", "categories[0].label.pt", "empty"),
        ("{ pt = \"Boa\" }", "{}", "categories[0].label", "no text"),
        ("valid_percent = 75", "valid_percent = 175", "valid_percent", "more than 100"),
        ("need_one_of = []", "need_one_of = [\"dust\"]", "need_one_of[0]", "no quantity"),
        ("id = \"2020\"", "id = \"2020\"\nfrom = \"1 May\"", "tables[0].from", "no date"),
        ("[[tables]]", "[[tables]]\nid = \"x\"\n[[tables]]", "tables[1].from", "not after"),
        ("kind = \"index\"", "kind = \"list\"", "line 2", "unknown variant `list`"),
        ("valid_percent = 75", "valid_per_cent = 75", "line 7", "unknown field `valid_per_cent`"),
        ("bands = [[0, 25, 0, 40]", "bands = [[0, 25, 0]", "line 19", "invalid length 3"),
        ("need_one_of", "need one of", "line 6", ""),
    ] {
        refused(&broken(from, to), key, reason);
    }
}

const LIMITS: &str = r#"
kind = "limits"
id = "tokyo"
title = { en = "Limits" }
source = "a text"
in_force = "2009-09-09"
decimals = 0

[[limits]]
quantity = "pm25"
averaging = "24h"
unit = "ug/m3"
value = 35
until = "2030-01-01"

[[limits]]
quantity = "pm25"
averaging = "24h"
unit = "ug/m3"
value = 25
from = "2030-01-01"
interim = [30, 28]
"#;

#[test]
fn a_text_that_rounds_before_it_compares_is_followed() {
    let standards = Standards::built_in().with("tokyo.toml", LIMITS).expect("it fits");
    let limits = standards.limits_on("tokyo", day("2026-01-01")).expect("it is known");
    let limit = limits.limit(Quantity::Pm25, Averaging::Hours24, day("2026-01-01")).expect("a limit");
    assert_eq!(limits.judge(limit, 35.4, 25.0), Judgment { compared: 35.0, is_exceeded: false });
    assert_eq!(limits.judge(limit, 35.5, 25.0), Judgment { compared: 36.0, is_exceeded: true });
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    for (from, to, key, reason) in [
        ("until = \"2030-01-01\"", "until = \"2030-01-02\"", "limits[1]", "limits[0] holds"),
        ("until = \"2030-01-01\"\n", "", "limits[1]", "limits[0] holds"),
        ("until = \"2030-01-01\"", "from = \"2030-01-01\"\nuntil = \"2030-01-01\"", "limits[0].until", "not after from"),
        ("[30, 28]", "[28, 30]", "limits[1].interim", "do not fall"),
        ("\"24h\"", "\"nowcast\"", "limits[0].averaging", "none of 10min"),
        ("value = 35", "value = -35", "limits[0].value", "no concentration"),
        ("\"2009-09-09\"", "\"2009-9-9\"", "in_force", "no date"),
    ] {
        assert!(LIMITS.contains(from), "{from}");
        refused(&LIMITS.replacen(from, to, 1), key, reason);
    }
    refused(LIMITS.split("[[limits]]").next().unwrap_or_default(), "line 1", "missing field `limits`");
}
