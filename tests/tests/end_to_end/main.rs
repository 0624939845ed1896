//! The journeys of Kerbside's users against the real binary, each on a server of its own.

mod air_recordings;
mod air_windows;
mod bridge;
mod commands;
mod counter_recording;
mod crash;
mod crash_matrix;
mod damaged;
mod erase;
mod full_disk;
mod identity;
mod intruder;
mod journey;
mod lake;
mod malformed;
mod mosquitto;
mod parking_api;
mod recovery;
mod registry;
mod roles;
mod state_topics;
mod tools_over_tls;
