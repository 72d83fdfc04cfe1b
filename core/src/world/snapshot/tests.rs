use super::wire::{Input, Output};
use crate::model::{EntityUid, Ip, Value};

/// What is written, without the checksum.
fn written(write: impl FnOnce(&mut Output<&mut Vec<u8>>) -> std::io::Result<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut output = Output::new(&mut bytes);
    write(&mut output).expect("memory takes every byte");
    output.finish().expect("memory takes every byte");
    bytes.truncate(bytes.len() - super::CHECKSUM);
    bytes
}

fn values() -> Vec<Value> {
    let ip = |address: &str, prefix| Value::Ip(Ip { address: address.parse().expect("an address"), prefix });
    let plain = [
        Value::Bool(false),
        Value::Bool(true),
        Value::Long(i64::MIN),
        Value::Decimal(12_500),
        Value::Datetime(-1),
        Value::Duration(i64::MAX),
        Value::string(""),
        Value::string("é\0".repeat(100)),
        Value::Entity(EntityUid::new("A::B", "c")),
        ip("10.0.0.1", 32),
        ip("2001:db8::1", 128),
        Value::set([]),
        Value::record::<&str>([]),
    ];
    let mut all = plain.to_vec();
    all.push(Value::set(plain.clone()));
    all.push(Value::record((0..).map(|n: u32| n.to_string()).zip(plain.clone())));
    all.push(Value::set([Value::record([("a", Value::set(plain))])]));
    all
}

#[test]
fn values_are_read_as_they_were_written() {
    for value in values() {
        let bytes = written(|output| output.value(&value));
        let mut input = Input::new(&bytes);
        assert_eq!(input.value(4).expect("a value"), value);
        input.finish().expect("nothing is left");
        for len in 0..bytes.len() {
            assert!(Input::new(&bytes[..len]).value(4).is_err(), "{value:?} cut off at {len}");
        }
    }
}

#[test]
fn values_are_refused_where_they_are_none() {
    let deep = Value::set([Value::set([Value::set([])])]);
    let bytes = written(|output| output.value(&deep));
    assert!(Input::new(&bytes).value(3).is_ok() && Input::new(&bytes).value(2).is_err());
    let cases: [&[u8]; 6] = [
        &[12],
        &[5, 2, 1, 1],
        &[6, 2, 1, b'a', 0, 1, b'a', 1],
        &[3, 1, 0xff],
        &[8, 33, 1, 2, 3, 4],
        &[5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for bytes in cases {
        assert!(Input::new(bytes).value(3).is_err_and(|e| e.is_snapshot()), "{bytes:?}");
    }
}

#[test]
fn counts_are_read_as_they_were_written() {
    for count in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
        let mut bytes = written(|output| output.count(count));
        let len = bytes.len();
        bytes.resize(len + count, 0);
        assert_eq!(Input::new(&bytes).count().expect("a count"), count);
        bytes.truncate((len + count).saturating_sub(1));
        assert!(Input::new(&bytes).count().is_err(), "{count} of what is not there");
    }
}
