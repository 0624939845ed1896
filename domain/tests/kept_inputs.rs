//! What fuzzing found and what it began with is taken again by every test run (docs/fuzz.md).

#[path = "../../fuzz/checks/native.rs"]
mod native;
#[path = "../../fuzz/checks/topics.rs"]
mod topics;

fn each(target: &str, check: fn(&[u8])) {
    for folder in ["corpus", "kept"] {
        let folder = format!("{}/../fuzz/{folder}/{target}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).expect("the folder is kept") {
            check(&std::fs::read(entry.expect("listed").path()).expect("readable"));
        }
    }
}

#[test]
fn kept_payloads_are_readings_or_rejections() {
    each("native", native::check);
}

#[test]
fn kept_topics_have_one_route() {
    each("topics", topics::check);
}
