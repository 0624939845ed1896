//! The whole server without a socket: requests go through the router, answers come back as a caller would see them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use domain::Clock;
use http::{HeaderMap, Method};
use serde_json::Value;
use tower::ServiceExt as _;

use super::conform;
use super::fixture::{Fixture, at};
use super::stand_in::{StillClock, StoodIntake, StoodLive};
use crate::access::Door;
use crate::app::App;
use crate::engine::LakeFiles;
use crate::page::Page;
use crate::server::{Deps, Readiness, router};
use crate::{Options, answer};

/// Where every test begins unless it sets the clock.
pub const NOW: &str = "2026-11-24T12:00:00Z";

pub struct Served {
    pub fixture: Fixture,
    pub live: Arc<StoodLive>,
    pub intake: Arc<StoodIntake>,
    pub clock: Arc<StillClock>,
    app: Arc<App>,
}

/// One answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Served {
    pub async fn new() -> Self {
        let fixture = Fixture::new().await;
        let live = Arc::new(StoodLive::new(fixture.view()));
        let intake = Arc::new(StoodIntake::default());
        let clock = Arc::new(StillClock::at(at(NOW)));
        let deps = deps(&fixture, live.clone(), intake.clone(), clock.clone());
        let app = Arc::new(App::new(Options::default(), deps).expect("the default options are right"));
        Self { fixture, live, intake, clock, app }
    }

    /// Answers are of the fixture's rows as they are now.
    pub fn refresh(&self) {
        *self.live.view.lock() = self.fixture.view();
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::GET, path, headers, Body::empty()).await
    }

    pub async fn post(&self, path: &str, media: &str, body: impl Into<Body>) -> Reply {
        self.send(Method::POST, path, &[("content-type", media)], body.into()).await
    }

    /// As a caller on this machine does.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let mut request = Request::builder().method(method.clone()).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a well-formed request");
        let response =
            router(Arc::clone(&self.app), Door { is_loopback: true }).oneshot(request).await.expect("the router always answers");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("answers are in memory");
        conform::assert_as_described(&method, path, &parts, &body);
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// Of a 200.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).expect("JSON")
    }

    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        self.json()["items"].as_array().expect("a list").clone()
    }

    /// Of a refusal with this status, whose form is checked.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!((self.status, self.header("content-type")), (status, "application/problem+json"), "{}", self.text());
        let problem: Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(problem["status"], status);
        for name in ["type", "title", "detail", "request_id"] {
            assert!(problem[name].is_string(), "{name} in {problem}");
        }
        problem
    }

    /// The parameter that a 400 names first.
    #[track_caller]
    pub fn faulty(&self) -> String {
        self.problem(400)["errors"][0]["parameter"].as_str().unwrap_or_default().to_owned()
    }
}

/// What a server of a test answers from.
pub fn deps(fixture: &Fixture, live: Arc<StoodLive>, intake: Arc<StoodIntake>, clock: Arc<dyn Clock>) -> Deps {
    Deps {
        live,
        intake,
        files: LakeFiles::of(&fixture.lake),
        clock,
        keys: Arc::new(domain::access::NoKeys),
        audit: Arc::new(domain::access::NoAudit),
        city: Default::default(),
        reference_temperature_c: domain::unit::REFERENCE_TEMPERATURE_C,
        pages: Arc::new(page),
        metrics: Arc::new(String::new),
        ready: Arc::new(|| Readiness::Ready),
    }
}

fn page(path: &str) -> Option<Page> {
    let page = Page {
        content_type: "text/html; charset=utf-8",
        body: (&b"<!doctype html>"[..]).into(),
        content_security_policy: "default-src 'self'",
    };
    (path == "/").then_some(page)
}

#[tokio::test]
async fn the_first_page_is_served_with_its_policy_and_again_as_304() {
    let served = Served::new().await;
    let first = served.get("/").await;
    assert_eq!((first.status, first.text()), (200, "<!doctype html>"));
    assert_eq!(first.header("content-security-policy"), "default-src 'self'");
    assert_eq!(first.header("etag"), answer::etag_of_bytes(b"<!doctype html>"));
    assert_eq!(served.get_with("/", &[("if-none-match", first.header("etag"))]).await.status, 304);
    let head = served.send(Method::HEAD, "/", &[], Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_path_without_operation_and_page_is_a_problem_of_status_404() {
    let served = Served::new().await;
    served.get("/nothing.html").await.problem(404);
    served.post("/", "text/plain", "x").await.problem(404);
}
