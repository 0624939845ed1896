//! The pages that the binary embeds: static files that speak to the live API, and to no other host.
//!
//! `pages/` ──embedded at build──► [`page`] ──► the HTTP server. No template, no data: what a page shows it asks the API for.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "pages/"]
struct Pages;

/// A file as it is served.
pub struct Page {
    pub content_type: &'static str,
    pub body: Cow<'static, [u8]>,
}

/// What a browser may load for these pages: nothing from elsewhere, no inline script.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page of a path such as `/` or `/overview.js`; `None` when there is none.
pub fn page(path: &str) -> Option<Page> {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let content_type = match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    Pages::get(name).map(|file| Page { content_type, body: file.data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_and_all_that_it_names_are_embedded() {
        let index = page("/").expect("embedded");
        let html = std::str::from_utf8(&index.body).expect("text");
        for (_, rest) in
            html.match_indices("src=\"").chain(html.match_indices("href=\"/overview")).map(|(at, _)| html.split_at(at))
        {
            let path = rest.split('"').nth(1).expect("quoted");
            assert!(page(path).is_some(), "{path}");
        }
        assert!(page("/../Cargo.toml").is_none());
    }
}
