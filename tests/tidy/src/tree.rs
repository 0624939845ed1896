//! The repository's text files. Built, fetched and generated folders are absent: nobody wrote them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Source;

const NOT_WRITTEN: [&str; 6] = [".git", "target", "node_modules", "dist", "kerbside-data", "proptest-regressions"];

/// A text file.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

/// What the rules look at.
#[derive(Debug, Default)]
pub struct Tree {
    pub files: Vec<TextFile>,
    pub sources: Vec<Source>,
}

impl Tree {
    /// The repository that this crate stands in.
    pub fn of_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut paths = Vec::new();
        collect(&root, &mut paths);
        paths.sort();
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).ok()?;
            let path = path.strip_prefix(&root).ok()?.to_string_lossy().replace('\\', "/");
            Some((path, text))
        };
        Self::of(paths.iter().filter_map(read))
    }

    /// Of (path, text).
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: Vec<_> = files.into_iter().map(|(path, text)| TextFile { path, text }).collect();
        let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
        let sources = rust.map(|file| Source::read(&file.path, &file.text)).collect();
        Self { files, sources }
    }

    /// Manifests of the workspace's members, the root's apart.
    pub fn manifests(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"))
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the repository can be listed");
    for entry in entries {
        let entry = entry.expect("the repository can be listed");
        let kind = entry.file_type().expect("an entry has a type");
        if NOT_WRITTEN.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), paths);
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
}
