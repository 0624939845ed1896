//! A small disk of a test's own, in memory: what fills it or makes it read-only is nobody else's loss.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::program::say;

/// Unmounted with the test.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None` where this user may not mount, with a line that says so.
    pub fn mount(bytes: u64) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::Builder::new().prefix("kerbside-disk-").tempdir()?;
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"], folder.path())?;
        if !mounted {
            say("skipped: a disk of its own needs the right to mount");
            return Ok(None);
        }
        Ok(Some(Self { folder }))
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn make_read_only(&self) -> anyhow::Result<()> {
        anyhow::ensure!(mount(&["-o", "remount,ro"], self.folder.path())?, "cannot be remounted");
        Ok(())
    }

    /// Takes the room on it, but for so many bytes.
    pub fn fill_but(&self, left: u64) -> anyhow::Result<()> {
        let ballast = self.folder.path().join("ballast");
        let had = std::fs::metadata(&ballast).map_or(0, |metadata| metadata.len());
        let wanted = had + self.free()?.saturating_sub(left);
        let status = Command::new("fallocate").args(["-l", &wanted.to_string()]).arg(&ballast).status()?;
        anyhow::ensure!(status.success(), "fallocate: {status}");
        Ok(())
    }

    pub fn empty(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.folder.path().join("ballast")).context("nothing was filled")
    }

    /// Bytes.
    pub fn free(&self) -> anyhow::Result<u64> {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(self.folder.path()).output()?;
        let text = String::from_utf8(output.stdout)?;
        text.lines().nth(1).and_then(|line| line.trim().parse().ok()).with_context(|| text.clone())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn mount(options: &[&str], at: &Path) -> anyhow::Result<bool> {
    let output = Command::new("mount").args(options).arg(at).output();
    Ok(output.is_ok_and(|output| output.status.success()))
}
