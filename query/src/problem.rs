//! Refusals as `application/problem+json` (RFC 9457). The only file that names HTTP error statuses.
//!
//! A handler returns a [`Problem`]; what it means on the wire stands in one table, which the API description lists, too.

use axum::body::Body;
use axum::response::Response;
use domain::access::Scope;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use lake::contract::{Away, IntakeError};
use serde_json::{Map, Value, json};

use crate::api::{Access, Endpoint, Verb};
use crate::engine::EngineError;
use crate::language::{Language, Text};
use crate::parameter::{Fault, FaultKind, Place};

/// Why a request was refused: a variant per thing a caller can do differently.
#[derive(Debug)]
pub enum Problem {
    Parameters(Vec<Fault>),
    /// The body is not what the operation takes.
    Body(String),
    /// Not one read-only SELECT over the tables there are, or wrong SQL.
    Statement(String),
    /// No such path.
    Path,
    /// The path is right, the thing it names does not exist.
    Absent {
        what: &'static str,
        id: String,
    },
    /// The path has other methods.
    Method {
        allowed: String,
    },
    /// None of the operation's formats is acceptable.
    Format {
        offered: String,
    },
    /// No key, or one that opens nothing.
    Key,
    /// A key that is for something else.
    Scope(Scope),
    /// What was asked for is no longer kept; the link has what replaces it.
    Gone {
        detail: String,
        link: String,
    },
    /// The body is over the limit.
    TooLarge {
        bytes_max: usize,
    },
    /// Rows of an edit were refused, so nothing was changed.
    Edit {
        /// All rows with their verdicts, as JSON.
        rows: String,
        refused: usize,
    },
    /// The question needs more rows, time or memory than one may.
    TooCostly(String),
    /// The thing is there and cannot be used for this, now or later.
    Impossible(String),
    /// Now is not the time: try again later. `extra` says how far it got.
    Unavailable {
        detail: String,
        extra: Map<String, Value>,
    },
    /// Our fault; the log has more under the request id.
    Internal(String),
}

/// One line of the table: what a variant means on the wire.
struct Kind {
    slug: &'static str,
    status: StatusCode,
    title: Text,
}

const fn kind(slug: &'static str, status: StatusCode, en: &'static str, vi: &'static str) -> Kind {
    Kind { slug, status, title: Text { en, vi } }
}

const PARAMETERS: Kind = kind("bad-parameter", StatusCode::BAD_REQUEST, "A parameter is wrong", "Có tham số không hợp lệ");
const BODY: Kind =
    kind("bad-body", StatusCode::BAD_REQUEST, "The request body cannot be read", "Không đọc được nội dung yêu cầu");
const STATEMENT: Kind = kind("bad-statement", StatusCode::BAD_REQUEST, "The statement was refused", "Câu lệnh bị từ chối");
const KEY: Kind = kind("needs-key", StatusCode::UNAUTHORIZED, "This operation needs a key", "Thao tác này cần khóa truy cập");
const SCOPE: Kind = kind("wrong-scope", StatusCode::FORBIDDEN, "The key is for something else", "Khóa không có quyền này");
const PATH: Kind = kind("no-such-path", StatusCode::NOT_FOUND, "There is no such path", "Không có đường dẫn này");
const ABSENT: Kind = kind("not-found", StatusCode::NOT_FOUND, "There is no such thing", "Không tìm thấy");
const METHOD: Kind =
    kind("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here", "Phương thức không được phép");
const FORMAT: Kind = kind("not-acceptable", StatusCode::NOT_ACCEPTABLE, "No acceptable format", "Không có định dạng phù hợp");
const GONE: Kind = kind("gone", StatusCode::GONE, "No longer kept", "Không còn được lưu");
const TOO_LARGE: Kind =
    kind("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large", "Nội dung yêu cầu quá lớn");
const EDIT: Kind = kind(
    "refused-rows",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Rows were refused and nothing was changed",
    "Có dòng bị từ chối, không có gì thay đổi",
);
const TOO_COSTLY: Kind =
    kind("too-costly", StatusCode::UNPROCESSABLE_ENTITY, "The question costs too much", "Câu hỏi vượt quá giới hạn");
const IMPOSSIBLE: Kind =
    kind("not-possible", StatusCode::CONFLICT, "This cannot be done to it", "Không thể thực hiện với mục này");
const UNAVAILABLE: Kind =
    kind("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Not available now", "Tạm thời không phục vụ được");
const INTERNAL: Kind = kind("internal", StatusCode::INTERNAL_SERVER_ERROR, "An error of the server", "Lỗi của máy chủ");

/// Seconds after which a caller may try again.
const RETRY_S: &str = "5";

impl Problem {
    pub fn parameter(name: &str, kind: FaultKind) -> Self {
        Self::Parameters(vec![Fault::new(name, kind)])
    }

    pub fn absent(what: &'static str, id: impl Into<String>) -> Self {
        Self::Absent { what, id: id.into() }
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable { detail: detail.into(), extra: Map::new() }
    }

    fn kind(&self) -> &'static Kind {
        match self {
            Self::Parameters(_) => &PARAMETERS,
            Self::Body(_) => &BODY,
            Self::Statement(_) => &STATEMENT,
            Self::Path => &PATH,
            Self::Absent { .. } => &ABSENT,
            Self::Method { .. } => &METHOD,
            Self::Format { .. } => &FORMAT,
            Self::Key => &KEY,
            Self::Scope(_) => &SCOPE,
            Self::Gone { .. } => &GONE,
            Self::TooLarge { .. } => &TOO_LARGE,
            Self::Edit { .. } => &EDIT,
            Self::TooCostly(_) => &TOO_COSTLY,
            Self::Impossible(_) => &IMPOSSIBLE,
            Self::Unavailable { .. } => &UNAVAILABLE,
            Self::Internal(_) => &INTERNAL,
        }
    }

    /// As metrics and logs name it.
    pub fn slug(&self) -> &'static str {
        self.kind().slug
    }

    pub fn is_ours(&self) -> bool {
        self.kind().status.is_server_error()
    }

    fn detail(&self) -> String {
        match self {
            Self::Parameters(faults) => {
                let names: Vec<_> = faults.iter().map(|fault| fault.parameter.as_str()).collect();
                names.join(", ")
            }
            Self::Body(detail) | Self::Statement(detail) | Self::TooCostly(detail) | Self::Impossible(detail) => detail.clone(),
            Self::Path => "see /v1 and /v1/openapi.json for what there is".to_owned(),
            Self::Absent { what, id } => format!("no {what} {id}"),
            Self::Method { allowed } => format!("allowed: {allowed}"),
            Self::Format { offered } => format!("offered: {offered}"),
            Self::Key => "send Authorization: Bearer <key>; without one it answers on a loopback address only, \
                          not through a proxy and not under a foreign host name"
                .to_owned(),
            Self::Scope(scope) => format!("a key with the scope {} is needed", scope.name()),
            Self::Gone { detail, .. } => detail.clone(),
            Self::TooLarge { bytes_max } => format!("{bytes_max} bytes at most"),
            Self::Edit { refused, .. } => format!("{refused} rows were refused: see rows"),
            Self::Unavailable { detail, .. } => detail.clone(),
            Self::Internal(_) => "the server's log has the cause under this request_id".to_owned(),
        }
    }

    /// The members of the answer.
    fn members(&self, language: Language, request_id: &str) -> Value {
        let kind = self.kind();
        let mut problem = json!({
            "type": format!("/docs#problem-{}", kind.slug),
            "title": language.pick(&kind.title),
            "status": kind.status.as_u16(),
            "detail": self.detail(),
        });
        if let Self::Parameters(faults) = self {
            let errors: Vec<_> =
                faults.iter().map(|fault| json!({"parameter": fault.parameter, "detail": fault.detail(language)})).collect();
            problem["errors"] = Value::Array(errors);
        }
        match self {
            Self::Gone { link, .. } => problem["link"] = json!(link),
            Self::Unavailable { extra, .. } => {
                for (key, value) in extra {
                    problem[key] = value.clone();
                }
            }
            _ => {}
        }
        problem["request_id"] = json!(request_id);
        problem
    }

    fn text(&self, language: Language, request_id: &str) -> String {
        let mut text = self.members(language, request_id).to_string();
        if let Self::Edit { rows, .. } = self {
            // An object's last character closes it.
            text.pop();
            text.push_str(",\"rows\":");
            text.push_str(rows);
            text.push('}');
        }
        text
    }

    pub fn into_response(self, language: Language, request_id: &str) -> Response {
        let mut response = Response::new(Body::from(self.text(language, request_id)));
        *response.status_mut() = self.kind().status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(http::header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        match &self {
            Self::Method { allowed } => {
                if let Ok(value) = HeaderValue::from_str(allowed) {
                    headers.insert(ALLOW, value);
                }
            }
            Self::Gone { link, .. } => {
                if let Ok(value) = HeaderValue::from_str(&format!("<{link}>; rel=\"alternate\"")) {
                    headers.insert(http::header::LINK, value);
                }
            }
            Self::Key => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Unavailable { .. } => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_S));
            }
            _ => {}
        }
        response
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Unavailable(_) | IntakeError::Away(_) => Self::unavailable(error.to_string()),
            IntakeError::Invalid(detail) => Self::Body(detail),
            // Who asks for a dead letter knows its name, and says so.
            IntakeError::NotFound => Self::Internal(error.to_string()),
        }
    }
}

impl From<Away> for Problem {
    fn from(away: Away) -> Self {
        Self::unavailable(away.0)
    }
}

impl From<lake::Error> for Problem {
    fn from(error: lake::Error) -> Self {
        match error {
            lake::Error::Away(away) => away.into(),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Statement(detail) => Self::Statement(detail),
            EngineError::TooCostly(detail) => Self::TooCostly(detail),
            EngineError::Failed(cause) => Self::Internal(cause),
        }
    }
}

/// The refusals that the API description lists for an operation: status and title.
pub fn documented(endpoint: &Endpoint) -> Vec<(u16, &'static str)> {
    let names_a_thing = endpoint.parameters.iter().any(|p| p.place == Place::Path);
    let mut kinds = vec![&PARAMETERS, &FORMAT, &INTERNAL, &UNAVAILABLE];
    if endpoint.access != Access::Public {
        kinds.extend([&KEY, &SCOPE]);
    }
    if names_a_thing {
        kinds.push(&ABSENT);
    }
    if endpoint.verb == Verb::Post {
        kinds.push(&TOO_LARGE);
    }
    if endpoint.refuses_rows {
        kinds.push(&EDIT);
    }
    if endpoint.forgets {
        kinds.push(&GONE);
    }
    if endpoint.bounded {
        kinds.push(&TOO_COSTLY);
    }
    if endpoint.may_be_impossible {
        kinds.push(&IMPOSSIBLE);
    }
    let mut listed: Vec<_> = kinds.into_iter().map(|kind| (kind.status.as_u16(), kind.title.en)).collect();
    listed.sort_unstable();
    listed
}

/// Every kind of refusal for the docs page: anchor, status, title.
pub fn all() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    [
        &PARAMETERS,
        &BODY,
        &STATEMENT,
        &KEY,
        &SCOPE,
        &PATH,
        &ABSENT,
        &METHOD,
        &FORMAT,
        &GONE,
        &TOO_LARGE,
        &EDIT,
        &TOO_COSTLY,
        &IMPOSSIBLE,
        &UNAVAILABLE,
        &INTERNAL,
    ]
    .into_iter()
    .map(|kind| (kind.slug, kind.status.as_u16(), kind.title.en))
}
