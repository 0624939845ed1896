//! What fuzzing found and what it began with is taken again by every test run (docs/fuzz.md).

#[path = "../../../fuzz/checks/packets.rs"]
mod packets;

#[test]
fn kept_bytes_are_packets_or_faults() {
    for folder in ["corpus", "kept"] {
        let folder = format!("{}/../fuzz/{folder}/packets", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).expect("the folder is kept") {
            packets::check(&std::fs::read(entry.expect("listed").path()).expect("readable"));
        }
    }
}
