//! The metrics of answers: names, units and help in one place.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const REQUESTS: &str = "kerbside_http_requests_total";
const REQUEST_SECONDS: &str = "kerbside_http_request_seconds";
const REFUSED: &str = "kerbside_http_refused_total";
const LINK_FOLLOWS: &str = "kerbside_link_follows";
const LINK_LOST: &str = "kerbside_link_lost_total";

/// Registers the help texts; called once by the front binary.
pub fn describe() {
    describe_counter!(REQUESTS, Unit::Count, "HTTP requests by operation and status");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "Time from a request's headers to its answer's headers, by operation");
    describe_counter!(REFUSED, Unit::Count, "Refused HTTP requests by kind of problem");
    describe_gauge!(LINK_FOLLOWS, Unit::Count, "1 while a process of query alone follows ingest");
    describe_counter!(LINK_LOST, Unit::Count, "Connections to ingest that were lost or could not be made");
}

pub fn request(operation: &'static str, status: u16, took: Duration) {
    counter!(REQUESTS, "operation" => operation, "status" => status.to_string()).increment(1);
    histogram!(REQUEST_SECONDS, "operation" => operation).record(took.as_secs_f64());
}

pub fn refused(problem: &'static str) {
    counter!(REFUSED, "problem" => problem).increment(1);
}

pub fn link_follows() {
    gauge!(LINK_FOLLOWS).set(1.0);
}

pub fn link_lost() {
    gauge!(LINK_FOLLOWS).set(0.0);
    counter!(LINK_LOST).increment(1);
}
