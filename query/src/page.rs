//! Pages for browsers on paths that no operation has: the front binary knows them, here they are sent.
//!
//! A page is static, so its ETag is that of its bytes and every reload costs a 304. What a page may load is told by its own
//! content security policy.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY};
use http::{HeaderValue, Method, StatusCode};

use crate::answer::{etag_of_bytes, matches_etag};
use crate::api::Access;
use crate::app::App;
use crate::{call, metrics};

/// A static file as it is sent.
#[derive(Clone, Debug)]
pub struct Page {
    pub content_type: &'static str,
    pub body: Cow<'static, [u8]>,
    /// What a browser may load for it.
    pub content_security_policy: &'static str,
}

/// The page of a path such as `/` or `/overview.js`; `None` where there is none.
pub type Pages = Arc<dyn Fn(&str) -> Option<Page> + Send + Sync>;

/// The page that was asked for. Pages are only read: to any other method there is no such path.
pub fn answer(app: &App, request: &Request) -> Option<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let started = app.clock.elapsed();
    let mut response = send((app.pages)(request.uri().path())?, request);
    call::finish(&mut response, &app.request_id(request.headers()), Access::Public);
    metrics::request("page", response.status().as_u16(), app.clock.elapsed().saturating_sub(started));
    Some(response)
}

fn send(page: Page, request: &Request) -> Response {
    let etag = etag_of_bytes(&page.body);
    let seen = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = seen.is_some_and(|seen| matches_etag(seen, &etag));
    let mut response = match unchanged {
        true => Response::new(Body::empty()),
        false => Response::new(Body::from(match page.body {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        })),
    };
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page.content_security_policy));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, value);
    }
    response
}
