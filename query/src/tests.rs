//! What the tests of this crate share.

pub mod conform;
pub mod fixture;
pub mod hand_clock;
pub mod served;
pub mod stand_in;
pub mod street;
