//! Names, units and help of the front's metrics, and the handles that the hot path counts with.
//!
//! A connection sums up what one wake-up did and adds it once: a counter shared by all cores is touched once a batch.

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};

use crate::limit::Limit;

pub const CONNECTIONS: &str = "kerbside_mqtt_connections";
pub const CONNECTS: &str = "kerbside_mqtt_connects_total";
pub const CONNECTS_REFUSED: &str = "kerbside_mqtt_connects_refused_total";
pub const DISCONNECTS: &str = "kerbside_mqtt_disconnects_total";
pub const PUBLISHES: &str = "kerbside_mqtt_publishes_total";
pub const PUBLISH_BYTES: &str = "kerbside_mqtt_publish_bytes_total";
pub const DUPLICATES: &str = "kerbside_mqtt_duplicate_publishes_total";
pub const ACKS: &str = "kerbside_mqtt_publishes_acknowledged_total";
pub const FOREIGN: &str = "kerbside_mqtt_foreign_total";
pub const REFUSED: &str = "kerbside_mqtt_publishes_refused_total";
pub const REFUSED_SUMMED: &str = "kerbside_mqtt_refusals_summed_total";
pub const OVERSIZED: &str = "kerbside_mqtt_oversized_packets_total";
pub const UNWRITTEN: &str = "kerbside_mqtt_publishes_unwritten_total";
pub const STALLS: &str = "kerbside_mqtt_stalls_total";
pub const LIMITS_REACHED: &str = "kerbside_mqtt_limits_reached_total";
pub const SUBSCRIBES_REFUSED: &str = "kerbside_mqtt_subscribes_refused_total";
pub const DELIVERIES: &str = "kerbside_mqtt_deliveries_total";
pub const DROPPED: &str = "kerbside_mqtt_deliveries_dropped_total";
pub const EXPIRED: &str = "kerbside_mqtt_deliveries_expired_total";
pub const RETAINED: &str = "kerbside_mqtt_retained";
pub const SESSIONS: &str = "kerbside_mqtt_sessions";
pub const SESSIONS_ENDED: &str = "kerbside_mqtt_sessions_ended_total";
pub const WILLS: &str = "kerbside_mqtt_wills_total";
pub const ENGINE_RESTARTS: &str = "kerbside_mqtt_engine_restarts_total";

/// Registers the help texts.
pub fn describe() {
    describe_gauge!(CONNECTIONS, Unit::Count, "clients that are connected");
    describe_counter!(CONNECTS, Unit::Count, "connections that were accepted with a CONNACK");
    describe_counter!(CONNECTS_REFUSED, Unit::Count, "connections that were turned away, by cause");
    describe_counter!(DISCONNECTS, Unit::Count, "connections that ended, by cause");
    describe_counter!(PUBLISHES, Unit::Count, "publishes received, by QoS");
    describe_counter!(PUBLISH_BYTES, Unit::Bytes, "payload bytes of publishes received");
    describe_counter!(DUPLICATES, Unit::Count, "QoS 2 publishes that came again and were not taken twice");
    describe_counter!(ACKS, Unit::Count, "publishes acknowledged, after they were durable");
    describe_counter!(FOREIGN, Unit::Count, "publishes under topics that are no reading: routed, never in the lake");
    describe_counter!(REFUSED, Unit::Count, "publishes refused unread, by reason");
    describe_counter!(REFUSED_SUMMED, Unit::Count, "refused publishes kept as part of a sum, by reason");
    describe_counter!(OVERSIZED, Unit::Count, "connections ended by a packet over the announced maximum size");
    describe_counter!(UNWRITTEN, Unit::Count, "publishes that the journal could not keep, none of them acknowledged, by QoS");
    describe_counter!(STALLS, Unit::Count, "times that a socket was not read until the disk caught up");
    describe_counter!(LIMITS_REACHED, Unit::Count, "times that a client ran into a limit, by limit");
    Limit::register();
    describe_counter!(SUBSCRIBES_REFUSED, Unit::Count, "subscriptions refused because they were not granted");
    describe_counter!(DELIVERIES, Unit::Count, "messages sent to subscribers, by QoS");
    describe_counter!(DROPPED, Unit::Count, "messages that a subscriber did not get, by cause");
    describe_counter!(EXPIRED, Unit::Count, "messages that expired before they could be sent");
    describe_gauge!(RETAINED, Unit::Count, "retained messages");
    describe_gauge!(SESSIONS, Unit::Count, "sessions that outlive their connection");
    describe_counter!(SESSIONS_ENDED, Unit::Count, "sessions that ended, by cause");
    describe_counter!(WILLS, Unit::Count, "wills published");
    describe_counter!(ENGINE_RESTARTS, Unit::Count, "times that the live fan-out engine was replaced, by cause");
}

/// Counters that are touched for every batch.
#[derive(Clone)]
pub struct Meters {
    pub connections: Gauge,
    publishes: [Counter; 3],
    publish_bytes: Counter,
    acks: Counter,
    foreign: Counter,
    deliveries: [Counter; 3],
    pub duplicates: Counter,
    pub stalls: Counter,
    pub expired: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        let by_qos = |name: &'static str| ["0", "1", "2"].map(|qos| counter!(name, "qos" => qos));
        Self {
            connections: gauge!(CONNECTIONS),
            publishes: by_qos(PUBLISHES),
            publish_bytes: counter!(PUBLISH_BYTES),
            acks: counter!(ACKS),
            foreign: counter!(FOREIGN),
            deliveries: by_qos(DELIVERIES),
            duplicates: counter!(DUPLICATES),
            stalls: counter!(STALLS),
            expired: counter!(EXPIRED),
        }
    }
}

impl Meters {
    /// Adds what a connection counted since the last time and clears it.
    pub fn add(&self, tally: &mut Tally) {
        if *tally == Tally::default() {
            return;
        }
        let Tally { publishes, publish_bytes, acks, foreign, deliveries } = std::mem::take(tally);
        for (counter, count) in self.publishes.iter().zip(publishes).chain(self.deliveries.iter().zip(deliveries)) {
            if count > 0 {
                counter.increment(count);
            }
        }
        self.publish_bytes.increment(publish_bytes);
        self.acks.increment(acks);
        self.foreign.increment(foreign);
    }
}

/// What one connection did since it last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub publishes: [u64; 3],
    pub publish_bytes: u64,
    pub acks: u64,
    pub foreign: u64,
    pub deliveries: [u64; 3],
}
