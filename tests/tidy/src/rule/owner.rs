//! Names that belong to one file: a crate that is to stay replaceable, and what errors look like from outside.

use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;

const ENGINE: &str = "broker/src/engine.rs";
const PROBLEM: &str = "query/src/problem.rs";

/// `http::StatusCode`, 4xx and 5xx.
const ERROR_STATUSES: [&str; 42] = [
    "BAD_REQUEST",
    "UNAUTHORIZED",
    "PAYMENT_REQUIRED",
    "FORBIDDEN",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "NOT_ACCEPTABLE",
    "PROXY_AUTHENTICATION_REQUIRED",
    "REQUEST_TIMEOUT",
    "CONFLICT",
    "GONE",
    "LENGTH_REQUIRED",
    "PRECONDITION_FAILED",
    "PAYLOAD_TOO_LARGE",
    "URI_TOO_LONG",
    "UNSUPPORTED_MEDIA_TYPE",
    "RANGE_NOT_SATISFIABLE",
    "EXPECTATION_FAILED",
    "IM_A_TEAPOT",
    "MISDIRECTED_REQUEST",
    "UNPROCESSABLE_ENTITY",
    "UNPROCESSABLE_CONTENT",
    "LOCKED",
    "FAILED_DEPENDENCY",
    "TOO_EARLY",
    "UPGRADE_REQUIRED",
    "PRECONDITION_REQUIRED",
    "TOO_MANY_REQUESTS",
    "REQUEST_HEADER_FIELDS_TOO_LARGE",
    "UNAVAILABLE_FOR_LEGAL_REASONS",
    "CONTENT_TOO_LARGE",
    "INTERNAL_SERVER_ERROR",
    "NOT_IMPLEMENTED",
    "BAD_GATEWAY",
    "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
    "HTTP_VERSION_NOT_SUPPORTED",
    "VARIANT_ALSO_NEGOTIATES",
    "INSUFFICIENT_STORAGE",
    "LOOP_DETECTED",
    "NOT_EXTENDED",
    "NETWORK_AUTHENTICATION_REQUIRED",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        if source.path != ENGINE {
            let words = source.words.iter().filter(|word| word.text == "rumqttd");
            findings.extend(words.map(|word| finding(source, word.line, "rumqttd")));
        }
        if source.path != PROBLEM {
            let names_error = |status: &&str| ERROR_STATUSES.contains(status);
            for path in source.paths.iter().filter(|path| path.segments.iter().any(|segment| segment == "StatusCode")) {
                let status = path.segments.last().map(String::as_str).filter(names_error);
                findings.extend(status.map(|status| finding(source, path.line, status)));
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

fn finding(source: &Source, line: usize, what: &str) -> Finding {
    Finding { file: source.path.clone(), line, what: format!("names {what}") }
}
