//! The rules, one file each.

pub mod clock;
pub mod dependency;
pub mod import;
pub mod length;
pub mod machine;
pub mod name;
pub mod opening;
pub mod owner;
pub mod word;
