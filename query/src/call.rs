//! One request on its way: judged, parsed, handled, answered. The same for every operation.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Query, RawPathParams, Request};
use axum::response::Response;
use bytes::BytesMut;
use domain::access::{Act, ActId, AuditError};
use futures::StreamExt as _;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use tracing::{error, warn};

use crate::access::{self, Asker, Door};
use crate::answer::{Answer, Written};
use crate::api::{Access, Endpoint};
use crate::app::App;
use crate::format::Format;
use crate::language::Language;
use crate::metrics;
use crate::parameter::{Arguments, CURSOR, DRY_RUN, FORMAT, Fault, FaultKind, Place};
use crate::problem::Problem;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What was asked, for the writing of the answer.
pub struct Asked {
    pub endpoint: &'static Endpoint,
    pub format: Format,
    pub uri: Uri,
}

impl Asked {
    /// The same question from where `cursor` says.
    pub fn with_cursor(&self, cursor: &str) -> String {
        let others = self.uri.query().unwrap_or_default().split('&');
        let mut query: Vec<_> = others.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=")).collect();
        let cursor = format!("{}={cursor}", CURSOR.name);
        query.push(&cursor);
        format!("{}?{}", self.uri.path(), query.join("&"))
    }
}

/// What a handler sees of a request.
pub struct Call {
    pub arguments: Arguments,
    pub asker: Asker,
    /// In which the answer will be written.
    pub format: Format,
    pub headers: HeaderMap,
    pub body: Body,
}

impl Call {
    /// The whole body, at most so many bytes. One that breaks off is not one that is too large.
    pub async fn bytes(&mut self, bytes_max: usize) -> Result<Bytes, Problem> {
        let mut chunks = std::mem::replace(&mut self.body, Body::empty()).into_data_stream();
        let mut whole = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|cause| Problem::Body(format!("the body ended too early: {cause}")))?;
            if chunk.len() > bytes_max - whole.len() {
                return Err(Problem::TooLarge { bytes_max });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

/// Answers one request to `endpoint`.
pub async fn run(
    app: Arc<App>,
    door: Door,
    endpoint: &'static Endpoint,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let started = app.clock.elapsed();
    let (parts, body) = request.into_parts();
    let request_id = app.request_id(&parts.headers);
    let language = Language::of(&parts.headers);
    let outcome = handle(&app, door, endpoint, path, &parts, body).await;
    let mut response = match outcome {
        Ok((written, asked)) => written.into_response(&asked, &parts.headers),
        Err(problem) => refuse(problem, endpoint.id, language, &request_id),
    };
    finish(&mut response, &request_id, endpoint.access);
    metrics::request(endpoint.id, response.status().as_u16(), app.clock.elapsed().saturating_sub(started));
    response
}

async fn handle(
    app: &Arc<App>,
    door: Door,
    endpoint: &'static Endpoint,
    path: Result<RawPathParams, RawPathParamsRejection>,
    Parts { uri, headers, .. }: &Parts,
    body: Body,
) -> Result<(Written, Asked), Problem> {
    let asker = access::judge(door, &*app.keys, endpoint.access, headers)?;
    let (arguments, wish) = parse(endpoint, path, uri)?;
    if endpoint.asks_ingest() {
        app.live.is_known()?;
    }
    let format = Format::choose(endpoint.formats, wish.as_deref(), headers)?;
    let is_act = endpoint.is_audited && !arguments.flag(DRY_RUN.name);
    let call = Call { arguments, asker: asker.clone(), format, headers: headers.clone(), body };
    let act = match is_act {
        true => Some(begin(app, endpoint, &asker, uri).await?),
        false => None,
    };
    let answer = (endpoint.handler)(Arc::clone(app), call).await;
    if let Some(act) = act {
        end(app, act, outcome(&answer)).await;
    }
    let answer = answer?;
    let written = match answer.is_long() {
        true => app.aside(move || Ok(answer.write(format))).await?,
        false => answer.write(format),
    };
    Ok((written, Asked { endpoint, format, uri: uri.clone() }))
}

/// What is about to be done stands in the audit log before it is done.
async fn begin(app: &Arc<App>, endpoint: &'static Endpoint, asker: &Asker, uri: &Uri) -> Result<ActId, Problem> {
    let (audit, who, subject) = (Arc::clone(&app.audit), asker.name(), uri.to_string());
    let begun = aside::run(move || audit.begin(Act { who: &who, act: endpoint.id, subject: &subject })).await;
    let begun = begun.map_err(|_| AuditError("its thread ended".to_owned())).and_then(|begun| begun);
    begun.map_err(|error| Problem::unavailable(error.to_string()))
}

/// The act is done by now: an audit that cannot be written any more is told, and the act shows as one that did not end.
async fn end(app: &Arc<App>, act: ActId, outcome: String) {
    let audit = Arc::clone(&app.audit);
    match aside::run(move || audit.end(act, &outcome)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => error!(%error, act = act.0, "an act's outcome"),
        Err(error) => error!(%error, act = act.0, "an act's outcome"),
    }
}

fn outcome(answer: &Result<Answer, Problem>) -> String {
    match answer {
        Ok(_) => "done".to_owned(),
        Err(problem) => format!("refused: {}", problem.slug()),
    }
}

/// The declared values, and the format that was named.
fn parse(
    endpoint: &'static Endpoint,
    path: Result<RawPathParams, RawPathParamsRejection>,
    uri: &Uri,
) -> Result<(Arguments, Option<String>), Problem> {
    let path = path.map_err(|_| Problem::Path)?;
    let mut given: Vec<_> = path.iter().map(|(name, value)| (Place::Path, name.to_owned(), value.to_owned())).collect();
    let query: Query<Vec<(String, String)>> =
        Query::try_from_uri(uri).map_err(|_| Problem::parameter("?", FaultKind::Unknown))?;
    given.extend(query.0.into_iter().map(|(name, value)| (Place::Query, name, value)));
    let mut wish = None;
    if endpoint.formats.iter().any(|format| format.is_named()) {
        let is_format = |entry: &(Place, String, String)| entry.0 == Place::Query && entry.1 == FORMAT;
        let mut wishes = given.iter().filter(|entry| is_format(entry)).map(|(_, _, value)| value.clone());
        wish = wishes.next();
        if wishes.next().is_some() {
            return Err(Problem::Parameters(vec![Fault::new(FORMAT, FaultKind::Twice)]));
        }
        given.retain(|entry| !is_format(entry));
    }
    let arguments = Arguments::parse(endpoint.parameters, &given).map_err(Problem::Parameters)?;
    Ok((arguments, wish))
}

/// A refusal as a response, logged when it is our fault.
pub fn refuse(problem: Problem, operation: &str, language: Language, request_id: &str) -> Response {
    if let Problem::Internal(cause) = &problem {
        error!(%request_id, operation, %cause, "request failed");
    } else if problem.is_ours() {
        warn!(%request_id, operation, ?problem, "request not served");
    }
    if matches!(problem, Problem::Key | Problem::Scope(_)) {
        warn!(%request_id, operation, problem = problem.slug(), "request refused");
    }
    metrics::refused(problem.slug());
    problem.into_response(language, request_id)
}

/// What every response carries.
pub fn finish(response: &mut Response, request_id: &str, access: Access) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if access == Access::Public {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, link, x-request-id, retry-after"));
    }
}
