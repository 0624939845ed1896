//! Any payload is readings or rejections, as many as it has elements, and the same ones each time. The first byte chooses kind and content.

use bytes::Bytes;
use domain::Kind;
use domain::codec::{Options, content_of, decode_native};
use domain::record::Content;

pub fn check(bytes: &[u8]) {
    let Some((&choice, payload)) = bytes.split_first() else { return };
    let kind = if choice & 1 == 0 { Kind::Parking } else { Kind::Air };
    let content = if choice & 2 == 0 { Content::Default } else { Content::Cbor };
    let payload = Bytes::copy_from_slice(payload);
    let decode = || {
        let mut elements = Vec::new();
        decode_native(kind, content, &payload, &Options::default(), &mut |element| elements.push(format!("{element:?}")));
        elements
    };
    let elements = decode();
    assert!((1..=domain::limits::ELEMENTS_MAX).contains(&elements.len()), "{} elements", elements.len());
    assert_eq!(elements, decode());
    content_of(&payload);
}
