//! CBOR tokens against ciborium as an independent judge, and the items that cost others their memory or their stack.

use ciborium::Value;
use proptest::prelude::*;

use super::*;

fn accepts(bytes: &[u8]) -> Result<(), SyntaxError> {
    let mut cbor = Cbor::new(bytes);
    let token = cbor.value()?;
    cbor.skip(&token)?;
    cbor.end()
}

fn token(bytes: &[u8]) -> Token<'_, Frame> {
    Cbor::new(bytes).value().expect("well-formed")
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(|int| Value::Integer(int.into())),
        any::<i64>().prop_map(|int| Value::Integer(int.into())),
        any::<f64>().prop_map(Value::Float),
        ".{0,8}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = ".{0,4}".prop_map(Value::Text);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key, inner.clone()), 0..4).prop_map(Value::Map),
            (any::<u16>(), inner).prop_map(|(tag, value)| Value::Tag(u64::from(tag) + 1_000, Box::new(value))),
        ]
    })
}

proptest! {
    #[test]
    fn what_ciborium_writes_is_read_to_its_last_byte(value in value()) {
        let mut bytes = Vec::new();
        ciborium::into_writer(&value, &mut bytes).expect("memory");
        prop_assert_eq!(accepts(&bytes), Ok(()));
        bytes.push(0);
        prop_assert!(accepts(&bytes).is_err());
    }

    #[test]
    fn a_cut_item_is_refused(value in value(), cut: prop::sample::Index) {
        let mut bytes = Vec::new();
        ciborium::into_writer(&value, &mut bytes).expect("memory");
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(accepts(&bytes).is_err());
    }

    #[test]
    fn a_float_of_any_width_is_its_double(value: f64) {
        let mut bytes = Vec::new();
        ciborium::into_writer(&value, &mut bytes).expect("memory");
        let Token::Number(number) = token(&bytes) else { panic!("a number") };
        prop_assert!(number.as_f64() == value || (value.is_nan() && number.as_f64().is_nan()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = accepts(&bytes);
    }
}

#[test]
fn a_half_float_is_the_number_of_the_specification() {
    // RFC 8949, appendix A
    for (bits, value) in
        [(0x0000, 0.0), (0x3c00, 1.0), (0x7bff, 65504.0), (0x0001, 5.960464477539063e-8), (0x0400, 0.00006103515625)]
    {
        assert_eq!(f64_from_f16(bits), value);
    }
    assert_eq!(f64_from_f16(0xc400), -4.0);
    assert_eq!(f64_from_f16(0xfc00), f64::NEG_INFINITY);
    assert!(f64_from_f16(0x7e00).is_nan());
}

#[test]
fn an_integer_beyond_64_bits_is_the_nearest_float() {
    assert_eq!(token(&[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Token::Number(Number::Int(i64::MIN)));
    assert_eq!(
        token(&[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Token::Number(Number::Float(-18446744073709551616.0))
    );
}

#[test]
fn a_text_in_pieces_is_one_text() {
    assert_eq!(token(b"\x7f\x62pm\x6225\xff"), Token::Text("pm25".into()));
    assert!(Cbor::new(b"\x7f\x42pm\xff").value().is_err());
}

#[test]
fn a_declared_length_reserves_nothing() {
    for head in [0x5b, 0x7b, 0x9b, 0xbb] {
        let bytes = [head, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(accepts(&bytes).is_err(), "{head:x}");
    }
}

#[test]
fn nesting_is_limited_and_costs_no_stack_whatever_nests() {
    for head in [0x81, 0x9f, 0xa1, 0xbf] {
        assert!(accepts(&vec![head; 200_000]).is_err(), "{head:x}");
    }
    assert!(accepts(&vec![0xc0; 200_000]).is_err());
    let tagged: Vec<u8> = [vec![0xc0; 200_000], vec![0x00]].concat();
    assert_eq!(accepts(&tagged), Ok(()));
}
