//! The file layer as the journal sees it: a directory of files that are written at their end, synced, renamed and removed.
//!
//! A trait, so that tests and the simulation can fail, tear and lose what was not synced. All calls block. Absent on
//! purpose: preallocation (`fallocate` and zero-filling both left fdatasync at the same 4 ms here, ext4 on a virtual disk).

use std::io;
use std::sync::Arc;

/// One directory.
pub trait Storage: Send + Sync + 'static {
    /// Takes the directory for this process until the result is dropped; `WouldBlock` when another has it.
    fn lock(&self) -> io::Result<Box<dyn Send>>;
    /// File names, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new empty file, in place of an old one of that name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// An existing file, to read and to cut.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// In place of a file called `to`, if there is one.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes created, renamed and removed names durable.
    fn sync_names(&self) -> io::Result<()>;
}

/// One file.
pub trait File: Send + Sync + 'static {
    /// Bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads from `offset` until `into` is full or the file ends; returns how much.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes content and length durable.
    fn sync(&self) -> io::Result<()>;
}
