//! Facts of a feed.
