//! What fuzzing found and what it began with is taken again by every test run (docs/fuzz.md).

#[path = "../../fuzz/checks/journal.rs"]
mod changed;

#[test]
fn kept_changes_of_a_journal_give_no_false_record() {
    for folder in ["corpus", "kept"] {
        let folder = format!("{}/../fuzz/{folder}/journal", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).expect("the folder is kept") {
            changed::check(&std::fs::read(entry.expect("listed").path()).expect("readable"));
        }
    }
}
