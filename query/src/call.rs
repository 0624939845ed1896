//! One request on its way: judged, parsed, handled, answered. The same for every operation.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Query, RawPathParams, Request};
use axum::response::Response;
use bytes::BytesMut;
use futures::StreamExt as _;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderName};
use http::{HeaderMap, HeaderValue, Uri};
use tracing::{error, warn};

use crate::answer::Written;
use crate::api::{Access, Endpoint};
use crate::app::App;
use crate::format::Format;
use crate::language::Language;
use crate::metrics;
use crate::parameter::{Arguments, CURSOR, FORMAT, Fault, FaultKind, Place};
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
    endpoint: &'static Endpoint,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let started = app.clock.elapsed();
    let (parts, body) = request.into_parts();
    let request_id = app.request_id(&parts.headers);
    let language = Language::of(&parts.headers);
    let outcome = handle(&app, endpoint, path, &parts.uri, &parts.headers, body).await;
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
    endpoint: &'static Endpoint,
    path: Result<RawPathParams, RawPathParamsRejection>,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Written, Asked), Problem> {
    app.gate.judge(endpoint.access, headers)?;
    let (arguments, wish) = parse(endpoint, path, uri)?;
    if endpoint.asks_ingest() {
        app.live.is_known()?;
    }
    let format = Format::choose(endpoint.formats, wish.as_deref(), headers)?;
    let call = Call { arguments, format, headers: headers.clone(), body };
    let answer = (endpoint.handler)(Arc::clone(app), call).await?;
    let written = match answer.is_long() {
        true => app.aside(move || Ok(answer.write(format))).await?,
        false => answer.write(format),
    };
    Ok((written, Asked { endpoint, format, uri: uri.clone() }))
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
