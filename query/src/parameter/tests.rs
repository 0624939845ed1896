//! Which values parameters take, and which faults they give.

use super::*;

const DECLARED: &[Parameter] = &[
    Parameter::path("id", Kind::Id, "an id"),
    FROM,
    LIMIT,
    BBOX,
    CURSOR,
    Parameter::query("lat", Kind::Number { min: -90.0, max: 90.0 }, "latitude"),
    Parameter::query("open", Kind::Word(&["now", "any"]), "opening").or("now"),
    Parameter::query("dry_run", Kind::Flag, "only judge"),
];

fn parse(query: &[(&str, &str)]) -> Result<Arguments, Vec<Fault>> {
    let mut given = vec![(Place::Path, "id".to_owned(), "bay-1".to_owned())];
    given.extend(query.iter().map(|(name, value)| (Place::Query, (*name).to_owned(), (*value).to_owned())));
    Arguments::parse(DECLARED, &given)
}

#[test]
fn a_bad_value_names_its_parameter() {
    let cases: &[(&str, &str)] = &[
        ("from", "2026-11-24"),
        ("from", "2026-11-24T00:00:00"),
        ("from", "1790000000000"),
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "many"),
        ("limit", "1e2"),
        ("lat", "NaN"),
        ("lat", "91"),
        ("open", "later"),
        ("bbox", "1,2,3"),
        ("bbox", "1,2,3,x"),
        ("bbox", "1,9,3,2"),
        ("bbox", "1,2,3,91"),
        ("dry_run", "yes"),
        ("form", "2026-11-24T00:00:00Z"),
        ("id", "bay-2"),
    ];
    for (name, value) in cases {
        let faults = parse(&[(name, value)]).expect_err("a fault");
        assert_eq!(faults.len(), 1, "{name}={value}");
        assert_eq!(faults[0].parameter, *name);
        for language in Language::ALL {
            assert!(!faults[0].detail(language).is_empty());
        }
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let faults = parse(&[("limit", "0"), ("lat", "x"), ("x", "1"), ("x", "2")]).expect_err("faults");
    let mut names: Vec<_> = faults.iter().map(|fault| fault.parameter.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["lat", "limit", "x"]);
}

#[test]
fn a_parameter_given_twice_is_a_fault() {
    assert_eq!(parse(&[("limit", "5"), ("limit", "6")]), Err(vec![Fault::new("limit", FaultKind::Twice)]));
}

#[test]
fn defaults_stand_in_for_what_is_absent() {
    let arguments = parse(&[]).expect("valid");
    assert_eq!(arguments.size("limit"), 100);
    assert_eq!(arguments.text("open"), Some("now"));
    assert_eq!(arguments.time("from"), None);
}

#[test]
fn an_offset_whose_plus_became_a_space_is_read_as_plus() {
    let at = Timestamp::parse_rfc3339("2026-11-24T10:36:34+07:00").expect("valid");
    assert_eq!(parse(&[("from", "2026-11-24T10:36:34 07:00")]).expect("valid").time("from"), Some(at));
    assert_eq!(parse(&[("from", "2026-11-24T10:36:34+07:00")]).expect("valid").time("from"), Some(at));
}

#[test]
fn a_box_may_cross_the_antimeridian() {
    let bbox = Bbox { west: 170.0, south: -10.0, east: -170.0, north: 10.0 };
    assert!(bbox.holds(geo::Point::new(175.0, 0.0)));
    assert!(bbox.holds(geo::Point::new(-175.0, 0.0)));
    assert!(!bbox.holds(geo::Point::new(0.0, 0.0)));
}

#[test]
fn the_fingerprint_leaves_out_the_cursor_alone() {
    let plain = parse(&[]).expect("valid").fingerprint();
    assert_eq!(parse(&[("cursor", "abc")]).expect("valid").fingerprint(), plain);
    assert_ne!(parse(&[("limit", "5")]).expect("valid").fingerprint(), plain);
}
