//! The source's metrics: name, unit and help of each in one place.

use metrics::{Unit, describe_counter, describe_gauge};

pub const MESSAGES: &str = "kerbside_source_messages_total";
pub const REFUSED: &str = "kerbside_source_refused_total";
pub const DROPPED: &str = "kerbside_source_qos0_lost_total";
pub const LOST: &str = "kerbside_source_connections_lost_total";
pub const CIRCLES: &str = "kerbside_source_circles_total";
pub const SUBSCRIBED: &str = "kerbside_source_subscribed";

/// Registers the help texts with the recorder in force.
pub fn describe() {
    describe_counter!(MESSAGES, Unit::Count, "messages taken from the external broker, repeated ones included");
    describe_counter!(REFUSED, Unit::Count, "of these, refused unread, by reason");
    describe_counter!(DROPPED, Unit::Count, "QoS 0 messages that the journal did not take");
    describe_counter!(LOST, Unit::Count, "connections to the external broker that failed or ended");
    describe_counter!(CIRCLES, Unit::Count, "minutes in which the external broker sent what went there from here");
    describe_gauge!(SUBSCRIBED, Unit::Count, "1 while every filter is granted by the external broker");
}
