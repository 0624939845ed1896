//! Every operation of the HTTP API, once: from this list the router, the parameter parser and the API description are made.
//!
//! A new operation is one entry in its resource's file. A new resource is one file and its line in [`ENDPOINTS`].

mod air;
mod areas;
mod deadletters;
mod health;
mod import;
mod ingest;
mod landing;
mod ops;
mod parking;
mod registry;
mod sensors;
mod sql;

pub use air::LastHours;

use std::sync::Arc;

use domain::access::Scope;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::answer::Answer;
use crate::app::App;
use crate::call::Call;
use crate::format::Format;
use crate::parameter::Parameter;
use crate::problem::Problem;

/// All operations, in the order of the documentation.
pub const ENDPOINTS: &[&[Endpoint]] = &[
    landing::ENDPOINTS,
    parking::ENDPOINTS,
    air::ENDPOINTS,
    air::measurements::ENDPOINTS,
    air::aqi::ENDPOINTS,
    air::exceedances::ENDPOINTS,
    areas::ENDPOINTS,
    sensors::ENDPOINTS,
    sql::ENDPOINTS,
    ingest::ENDPOINTS,
    import::ENDPOINTS,
    registry::ENDPOINTS,
    ops::ENDPOINTS,
    deadletters::ENDPOINTS,
    health::ENDPOINTS,
];

pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().flat_map(|resource| resource.iter())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
}

impl Verb {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Who may call an operation off loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, from any web page.
    Public,
    /// Who holds a key with this scope.
    Key(Scope),
    /// Who holds an administrator's key.
    Admin,
}

/// How long an answer may be used without asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Ask each time: a 304 is cheap.
    Live,
    /// Five seconds.
    Settled,
    /// Not at all.
    Never,
}

/// What a body may be.
#[derive(Clone, Copy)]
pub struct RequestBody {
    pub media: &'static [&'static str],
    pub description: &'static str,
    pub schema: fn() -> Value,
    pub example: fn() -> Value,
}

pub type Handler = fn(Arc<App>, Call) -> BoxFuture<'static, Result<Answer, Problem>>;

/// One operation.
#[derive(Clone, Copy)]
pub struct Endpoint {
    pub verb: Verb,
    pub path: &'static str,
    /// The operation's id in the description, in metrics and in logs.
    pub id: &'static str,
    /// The heading it stands under.
    pub tag: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    pub access: Access,
    /// An administrative act: kept in the audit log, and not done where that cannot be written.
    pub is_audited: bool,
    pub freshness: Freshness,
    pub parameters: &'static [Parameter],
    pub body: Option<RequestBody>,
    /// The first is the default.
    pub formats: &'static [Format],
    /// JSON Schema of the JSON answer.
    pub schema: fn() -> Value,
    pub example: fn() -> Value,
    pub handler: Handler,
    /// May answer that rows of an edit were refused.
    pub refuses_rows: bool,
    /// May answer that what was asked for is no longer kept.
    pub forgets: bool,
    /// May answer that the question costs more than one may.
    pub bounded: bool,
    /// May answer that what was asked for cannot be done to this thing.
    pub may_be_impossible: bool,
}

impl Endpoint {
    const fn new(verb: Verb, path: &'static str, id: &'static str, handler: Handler) -> Self {
        Self {
            verb,
            path,
            id,
            tag: "",
            summary: "",
            description: "",
            access: Access::Public,
            is_audited: false,
            freshness: Freshness::Live,
            parameters: &[],
            body: None,
            formats: &[Format::Json],
            schema: || Value::Null,
            example: || Value::Null,
            handler,
            refuses_rows: false,
            forgets: false,
            bounded: false,
            may_be_impossible: false,
        }
    }

    /// Whether it answers from what ingest has: `false` where the process speaks of itself.
    pub fn asks_ingest(&self) -> bool {
        !matches!(self.tag, "start" | "health")
    }

    pub const fn get(path: &'static str, id: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Get, path, id, handler)
    }

    pub const fn post(path: &'static str, id: &'static str, handler: Handler) -> Self {
        let mut endpoint = Self::new(Verb::Post, path, id, handler);
        endpoint.freshness = Freshness::Never;
        endpoint
    }

    pub const fn says(mut self, tag: &'static str, summary: &'static str, description: &'static str) -> Self {
        self.tag = tag;
        self.summary = summary;
        self.description = description;
        self
    }

    pub const fn audited(mut self) -> Self {
        self.is_audited = true;
        self
    }

    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    pub const fn takes(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    pub const fn body(mut self, body: RequestBody) -> Self {
        self.body = Some(body);
        self
    }

    pub const fn formats(mut self, formats: &'static [Format]) -> Self {
        self.formats = formats;
        self
    }

    pub const fn answers(mut self, schema: fn() -> Value, example: fn() -> Value) -> Self {
        self.schema = schema;
        self.example = example;
        self
    }

    pub const fn refuses_rows(mut self) -> Self {
        self.refuses_rows = true;
        self
    }

    pub const fn bounded(mut self) -> Self {
        self.bounded = true;
        self
    }

    pub const fn may_be_impossible(mut self) -> Self {
        self.may_be_impossible = true;
        self
    }

    pub const fn forgets(mut self) -> Self {
        self.forgets = true;
        self
    }
}

#[cfg(test)]
mod tests;
