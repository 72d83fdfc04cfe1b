//! Numbers, texts and values as bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::interrupt;
use crate::model::{EntityUid, Error, Ip, Value};

/// Bytes of a SHA-256.
pub(super) const CHECKSUM: usize = 32;
/// Bytes that are passed on at once.
const CHUNK: usize = 1 << 16;

// What a value is.
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const LONG: u8 = 2;
const STRING: u8 = 3;
const ENTITY: u8 = 4;
const SET: u8 = 5;
const RECORD: u8 = 6;
const DECIMAL: u8 = 7;
const IPV4: u8 = 8;
const IPV6: u8 = 9;
const DATETIME: u8 = 10;
const DURATION: u8 = 11;

/// Bytes on their way out, hashed as they go.
pub(super) struct Output<W> {
    to: W,
    /// `None` where they are only counted.
    hash: Option<Sha256>,
    buffer: Vec<u8>,
    passed: u64,
}

impl Output<io::Sink> {
    /// Bytes that go nowhere, to be counted.
    pub(super) fn counting() -> Self {
        Output { hash: None, ..Output::new(io::sink()) }
    }

    /// How many bytes came, with the checksum that ends them.
    pub(super) fn count_all(mut self) -> io::Result<u64> {
        self.pass_on()?;
        Ok(self.passed + CHECKSUM as u64)
    }
}

impl<W: Write> Output<W> {
    pub(super) fn new(to: W) -> Self {
        Output { to, hash: Some(Sha256::new()), buffer: Vec::with_capacity(CHUNK), passed: 0 }
    }

    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > CHUNK {
            self.pass_on()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        interrupt::ask().map_err(io::Error::other)?;
        self.passed += self.buffer.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&self.buffer);
        }
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    #[inline]
    pub(super) fn word(&mut self, word: u32) -> io::Result<()> {
        self.bytes(&word.to_le_bytes())
    }

    pub(super) fn long(&mut self, long: u64) -> io::Result<()> {
        self.bytes(&long.to_le_bytes())
    }

    /// A number that is usually small.
    #[inline]
    pub(super) fn count(&mut self, count: usize) -> io::Result<()> {
        let mut rest = count;
        while rest >= 0x80 {
            self.bytes(&[rest as u8 | 0x80])?;
            rest >>= 7;
        }
        self.bytes(&[rest as u8])
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.count(text.len())?;
        self.bytes(text.as_bytes())
    }

    pub(super) fn value(&mut self, value: &Value) -> io::Result<()> {
        let mut number = |tag: u8, number: i64| {
            self.bytes(&[tag])?;
            self.bytes(&number.to_le_bytes())
        };
        match value {
            Value::Bool(value) => self.bytes(&[if *value { TRUE } else { FALSE }]),
            Value::Long(value) => number(LONG, *value),
            Value::Decimal(value) => number(DECIMAL, *value),
            Value::Datetime(value) => number(DATETIME, *value),
            Value::Duration(value) => number(DURATION, *value),
            Value::String(text) => {
                self.bytes(&[STRING])?;
                self.text(text)
            }
            Value::Entity(uid) => {
                self.bytes(&[ENTITY])?;
                self.text(uid.type_name())?;
                self.text(uid.id())
            }
            Value::Ip(Ip { address: IpAddr::V4(address), prefix }) => {
                self.bytes(&[IPV4, *prefix])?;
                self.bytes(&address.octets())
            }
            Value::Ip(Ip { address: IpAddr::V6(address), prefix }) => {
                self.bytes(&[IPV6, *prefix])?;
                self.bytes(&address.octets())
            }
            Value::Set(values) => {
                self.bytes(&[SET])?;
                self.count(values.len())?;
                values.iter().try_for_each(|value| self.value(value))
            }
            Value::Record(fields) => {
                self.bytes(&[RECORD])?;
                self.count(fields.len())?;
                fields.iter().try_for_each(|(name, value)| {
                    self.text(name)?;
                    self.value(value)
                })
            }
        }
    }

    /// Writes out what is left, and the checksum of all.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.pass_on()?;
        if let Some(hash) = self.hash.take() {
            self.to.write_all(&hash.finalize())?;
        }
        self.to.flush()
    }
}

/// Said of bytes that end too soon.
pub(super) fn cut_off() -> Error {
    Error::snapshot("it is cut off")
}

/// Said of bytes that do not end where they should.
pub(super) fn goes_on() -> Error {
    Error::snapshot("there is something behind its end")
}

/// Bytes that are still to be read.
pub(super) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Input { rest }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn half(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn word(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn long(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// `zeros` words of nothing, and `len` that are read.
    pub(super) fn words(&mut self, zeros: usize, len: usize) -> Result<Vec<u32>, Error> {
        let bytes = self.take(len.checked_mul(size_of::<u32>()).ok_or_else(cut_off)?)?;
        let mut words = Vec::with_capacity(zeros + len);
        words.resize(zeros, 0);
        let (all, _) = bytes.as_chunks();
        words.extend(all.iter().map(|&bytes| u32::from_le_bytes(bytes)));
        Ok(words)
    }

    /// How many of something that takes a byte or more each, so that there is no making room for what is not
    /// there.
    #[inline]
    pub(super) fn count(&mut self) -> Result<usize, Error> {
        let mut count = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            count |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let count = usize::try_from(count).ok().filter(|&count| count <= self.rest.len());
                return count.ok_or_else(cut_off);
            }
        }
        Err(Error::snapshot("a number in it has no end"))
    }

    /// As [`Input::count`], of what takes so many bytes besides, save for one that may be empty.
    pub(super) fn count_of(&mut self, least: usize) -> Result<usize, Error> {
        let count = self.count()?;
        if count <= self.rest.len() / (1 + least) + 1 { Ok(count) } else { Err(cut_off()) }
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        let len = self.count()?;
        text(self.take(len)?)
    }

    /// A value that is at most so deep: 0 for one without parts.
    pub(super) fn value(&mut self, depth: usize) -> Result<Value, Error> {
        let [tag] = self.array()?;
        let inner = || {
            let inner = depth.checked_sub(1);
            inner.ok_or_else(|| Error::snapshot("a value in it is nested too deep"))
        };
        let value = match tag {
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            LONG => Value::Long(self.array().map(i64::from_le_bytes)?),
            DECIMAL => Value::Decimal(self.array().map(i64::from_le_bytes)?),
            DATETIME => Value::Datetime(self.array().map(i64::from_le_bytes)?),
            DURATION => Value::Duration(self.array().map(i64::from_le_bytes)?),
            STRING => Value::string(self.text()?),
            ENTITY => {
                let type_name = self.text()?;
                Value::Entity(EntityUid::new(type_name, self.text()?))
            }
            IPV4 | IPV6 => self.ip(tag == IPV4)?,
            SET => self.set(inner()?)?,
            RECORD => self.record(inner()?)?,
            _ => return Err(Error::snapshot("a value in it is of no known kind")),
        };
        Ok(value)
    }

    fn ip(&mut self, is_v4: bool) -> Result<Value, Error> {
        let [prefix] = self.array()?;
        let (address, most): (IpAddr, u32) = if is_v4 {
            (Ipv4Addr::from_octets(self.array()?).into(), Ipv4Addr::BITS)
        } else {
            (Ipv6Addr::from_octets(self.array()?).into(), Ipv6Addr::BITS)
        };
        if u32::from(prefix) > most {
            return Err(Error::snapshot("the prefix of an address in it is too long"));
        }
        Ok(Value::Ip(Ip { address, prefix }))
    }

    fn set(&mut self, depth: usize) -> Result<Value, Error> {
        let mut values = BTreeSet::new();
        for _ in 0..self.count()? {
            if !values.insert(self.value(depth)?) {
                return Err(Error::snapshot("a set in it holds something twice"));
            }
        }
        Ok(Value::Set(values))
    }

    fn record(&mut self, depth: usize) -> Result<Value, Error> {
        let mut fields: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        for _ in 0..self.count()? {
            let name = self.text()?.into();
            if fields.insert(name, self.value(depth)?).is_some() {
                return Err(Error::snapshot("a record in it has a field twice"));
            }
        }
        Ok(Value::Record(fields))
    }

    /// Says so where something is left.
    pub(super) fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(goes_on()) }
    }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::snapshot("a text in it is not UTF-8"))
}
