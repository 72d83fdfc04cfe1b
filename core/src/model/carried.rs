//! Answers as bytes, which another process with the same version of this crate makes the same answers of: what
//! `pickle` keeps in Python.
//!
//! The bytes say of which version and of which type they are, and are refused as anything else, so that no answer that
//! tells everything becomes one for the person who asks. They are not signed: whoever can write them can write any
//! answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Error, Problem};

/// Collections within collections that are read: more than an answer has.
const MAX_DEPTH: u32 = 300;

/// What can be carried from one process to another.
///
/// # Example
/// ```
/// use caseward::attendance::Sample;
/// use caseward::carried::Carried;
/// use caseward::{ActionQuery, EntityUid, View, Ward};
///
/// let ward = Ward::attendance()?;
/// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
/// let (person, case) = (EntityUid::new("User", "u00001"), EntityUid::new("Case", "c0000001"));
/// let view = ward.view(&world, &ActionQuery::new(person, case).at(1_778_446_800_000))?;
/// assert_eq!(View::from_bytes(&view.to_bytes())?, view);
/// # Ok::<(), caseward::Error>(())
/// ```
pub trait Carried: Wire {
    /// The bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = head::<Self>().into_bytes();
        self.write(&mut out);
        out
    }

    /// What bytes were made of.
    ///
    /// # Errors
    /// [`Error::is_data`] for bytes of another version, of another type, or of nothing at all.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let head = head::<Self>();
        let read = |rest| {
            let mut from = Bytes { rest, depth: 0 };
            Self::read(&mut from).filter(|_| from.rest.is_empty())
        };
        bytes.strip_prefix(head.as_bytes()).and_then(read).ok_or_else(|| {
            let (name, version) = (Self::NAME, env!("CARGO_PKG_VERSION"));
            let what = format!("the bytes are not those of a `{name}` that caseward {version} made");
            Error::data(vec![Problem::error(what)])
        })
    }
}

impl<T: Wire> Carried for T {}

fn head<T: Wire>() -> String {
    format!("caseward {} {}\n", env!("CARGO_PKG_VERSION"), T::NAME)
}

/// How a type goes into bytes and comes back.
pub trait Wire: Sized {
    /// What it is called.
    #[doc(hidden)]
    const NAME: &'static str = "part";

    /// Adds its bytes.
    #[doc(hidden)]
    fn write(&self, out: &mut Vec<u8>);

    /// Takes its bytes from the front; `None` where they are not its own.
    #[doc(hidden)]
    fn read(from: &mut Bytes<'_>) -> Option<Self>;
}

/// Bytes that are read from the front.
#[doc(hidden)]
pub struct Bytes<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// So many bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The number of elements that follow. Each has a byte at least.
    fn count(&mut self) -> Option<usize> {
        let count = usize::read(self)?;
        (count <= self.rest.len()).then_some(count)
    }

    /// The elements of a collection.
    fn all<T: Wire, C: FromIterator<T>>(&mut self) -> Option<C> {
        let count = self.count()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let all = (0..count).map(|_| T::read(self)).collect();
        self.depth -= 1;
        all
    }
}

fn write_all<'t, T: Wire + 't>(all: impl ExactSizeIterator<Item = &'t T>, out: &mut Vec<u8>) {
    all.len().write(out);
    all.for_each(|one| one.write(out));
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn read(from: &mut Bytes<'_>) -> Option<Self> {
                from.array().map(Self::from_le_bytes)
            }
        }
    )*};
}

numbers!(u8, u32, u64, u128, i64);

impl Wire for usize {
    fn write(&self, out: &mut Vec<u8>) {
        (*self as u64).write(out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        u64::read(from)?.try_into().ok()
    }
}

impl Wire for bool {
    fn write(&self, out: &mut Vec<u8>) {
        u8::from(*self).write(out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        match u8::read(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Wire for Arc<str> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        out.extend(self.as_bytes());
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let count = from.count()?;
        std::str::from_utf8(from.take(count)?).ok().map(Arc::from)
    }
}

impl Wire for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        out.extend(self.as_bytes());
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let count = from.count()?;
        String::from_utf8(from.take(count)?.to_vec()).ok()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        if bool::read(from)? { T::read(from).map(Some) } else { Some(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self.iter(), out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        from.all()
    }
}

impl<T: Wire> Wire for Arc<[T]> {
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self.iter(), out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        from.all::<T, Vec<T>>().map(Arc::from)
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self.iter(), out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        from.all()
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        from.all()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        Some((A::read(from)?, B::read(from)?))
    }
}

impl Wire for std::net::IpAddr {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            std::net::IpAddr::V4(address) => {
                out.push(4);
                out.extend(address.octets());
            }
            std::net::IpAddr::V6(address) => {
                out.push(6);
                out.extend(address.octets());
            }
        }
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        match u8::read(from)? {
            4 => from.array::<4>().map(Self::from),
            6 => from.array::<16>().map(Self::from),
            _ => None,
        }
    }
}
