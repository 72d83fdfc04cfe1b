//! The values that attributes and contexts hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::EntityUid;

/// A value of the Cedar language.
///
/// The order between values of different kinds has no meaning; it only makes sets canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A signed 64-bit integer.
    Long(i64),
    /// A string.
    String(Arc<str>),
    /// A reference to an entity.
    Entity(EntityUid),
    /// A set: no order, no duplicates.
    Set(BTreeSet<Value>),
    /// A record.
    Record(BTreeMap<Arc<str>, Value>),
    /// Ten-thousandths: `decimal("1.25")` is 12,500.
    Decimal(i64),
    /// An IP address or a range of them.
    Ip(Ip),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Datetime(i64),
    /// Milliseconds.
    Duration(i64),
}

carried!(enum Value {
    0 = Bool { 0: value }, 1 = Long { 0: value }, 2 = String { 0: value }, 3 = Entity { 0: value }, 4 = Set { 0: value },
    5 = Record { 0: value }, 6 = Decimal { 0: value }, 7 = Ip { 0: value }, 8 = Datetime { 0: value },
    9 = Duration { 0: value },
});

/// An IP address with the length of its network prefix, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ip {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network prefix: up to 32 for IPv4, 128 for IPv6.
    pub prefix: u8,
}

carried!(struct Ip { address, prefix });

/// In the form that Cedar reads back, which is without dots in IPv6.
///
/// # Example
/// ```
/// use caseward::Ip;
///
/// let ip = Ip { address: "::ffff:10.0.0.1".parse()?, prefix: 128 };
/// assert_eq!(ip.to_string(), "::ffff:a00:1/128");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
                let [.., high, low] = address.segments();
                write!(f, "::ffff:{high:x}:{low:x}")?;
            }
            address => write!(f, "{address}")?,
        }
        write!(f, "/{}", self.prefix)
    }
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Value::String(text.into())
    }

    /// The set of `values`.
    pub fn set(values: impl IntoIterator<Item = Value>) -> Self {
        Value::Set(values.into_iter().collect())
    }

    /// The record of `fields`.
    pub fn record<K: Into<Arc<str>>>(fields: impl IntoIterator<Item = (K, Value)>) -> Self {
        Value::Record(fields.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// Calls `visit` with every entity that the value names, at any depth.
    pub(crate) fn for_each_entity<'a>(&'a self, visit: &mut impl FnMut(&'a EntityUid)) {
        match self {
            Value::Entity(uid) => visit(uid),
            Value::Set(values) => values.iter().for_each(|v| v.for_each_entity(visit)),
            Value::Record(fields) => fields.values().for_each(|v| v.for_each_entity(visit)),
            _ => {}
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Long(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::string(value)
    }
}

impl From<EntityUid> for Value {
    fn from(value: EntityUid) -> Self {
        Value::Entity(value)
    }
}
