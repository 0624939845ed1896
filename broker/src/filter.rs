//! Topic names and topic filters: what is valid, and what matches what (MQTT 5, section 4.7).

use crate::packet::Text;

/// A topic that may be published to: not empty, no wildcard, no NUL.
pub fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && !topic.bytes().any(|byte| matches!(byte, b'+' | b'#' | 0))
}

/// A filter as a client subscribes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The share name of `$share/{name}/{filter}`.
    pub share: Option<Text>,
    /// What topics are matched against.
    pub path: Text,
}

impl Filter {
    /// `None` when the protocol does not allow it.
    pub fn parse(text: &Text) -> Option<Self> {
        let Some(rest) = text.strip_prefix("$share/") else {
            return is_path(text).then(|| Self { share: None, path: text.clone() });
        };
        let (share, path) = rest.split_once('/')?;
        let valid = !share.is_empty() && !share.contains(['+', '#', '\0']) && is_path(path);
        valid.then(|| Self { share: Some(share.into()), path: path.into() })
    }
}

fn is_path(path: &str) -> bool {
    if path.is_empty() || path.contains('\0') {
        return false;
    }
    let mut levels = path.split('/').peekable();
    while let Some(level) = levels.next() {
        let valid = match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            _ => !level.contains(['+', '#']),
        };
        if !valid {
            return false;
        }
    }
    true
}

/// Whether a valid filter path matches a valid topic. Wildcards in the first level do not match topics that begin with `$`.
pub fn matches(path: &str, topic: &str) -> bool {
    if topic.starts_with('$') && path.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in path.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Whether a topic may match both valid filter paths.
pub fn overlap(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    loop {
        match (ones.next(), others.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// The part of a filter path before its first wildcard: every matching topic begins with it, or with it less a final slash.
pub fn literal_prefix(path: &str) -> &str {
    let end = path.find(['+', '#']).unwrap_or(path.len());
    let prefix = &path[..end];
    if end < path.len() { prefix.strip_suffix('/').unwrap_or(prefix) } else { prefix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_matches_as_the_specification_says() {
        let cases = [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b/c", "a/b", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/", true),
            ("+", "a", true),
            ("+", "/a", false),
            ("+/+", "/a", true),
            ("/+", "/a", true),
            ("#", "a/b/c", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("+/b/#", "a/b", true),
            ("#", "$SYS/a", false),
            ("+/a", "$SYS/a", false),
            ("$SYS/#", "$SYS/a", true),
        ];
        for (path, topic, expected) in cases {
            assert_eq!(matches(path, topic), expected, "{path} {topic}");
            if expected {
                assert!(topic.starts_with(literal_prefix(path)), "{path} {topic}");
            }
        }
    }

    #[test]
    fn filters_overlap_where_one_topic_matches_both() {
        for (one, other) in [("a/b", "a/b"), ("a/+", "+/b"), ("#", "a"), ("a/#", "a"), ("a/#", "a/b/+"), ("+/+", "/")] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a/+", "a"), ("a/b/#", "a/c"), ("+", "a/b")] {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
    }

    #[test]
    fn only_valid_filters_and_topics_are_taken() {
        for text in ["a", "+", "#", "a/+/b/#", "/", "//", "$share/g/a/#", "$SYS/#"] {
            assert!(Filter::parse(&text.into()).is_some(), "{text}");
        }
        for text in ["", "a#", "#/a", "a/#/b", "+a", "a\0", "$share/g", "$share//a", "$share/+/a", "$share/g/", "$share/g/a#"] {
            assert!(Filter::parse(&text.into()).is_none(), "{text}");
        }
        assert!(is_topic("a/b") && is_topic("/") && is_topic("$SYS"));
        assert!(!is_topic("") && !is_topic("a/+") && !is_topic("#") && !is_topic("a\0"));
    }
}
