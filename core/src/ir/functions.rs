//! The functions of Cedar's extension types: decimal, ipaddr, datetime and duration.

use std::net::IpAddr;

use super::eval::{Evaluation, Result, Val};
use super::{Failure, Function};
use crate::cedar::construct;
use crate::model::{Ip, Value};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

impl<'a> Evaluation<'a> {
    /// The value of a function, whose arguments validation has seen to.
    pub(super) fn call(&self, function: Function, args: &[Val<'a>]) -> Result<'a> {
        use Function as F;
        match (function, args) {
            (F::Decimal | F::Ip | F::Datetime | F::Duration, [text]) => {
                let Value::String(text) = self.value(text) else { return Err(Failure::Unreachable) };
                construct(function.name(), &text).map(|value| self.made(&value)).ok_or(Failure::BadText)
            }
            (F::LessThan, [Val::Decimal(a), Val::Decimal(b)]) if mutant!(DecimalsAreWhole) => {
                Ok(Val::Bool(a / 10_000 < b / 10_000))
            }
            (F::IsInRange, [Val::Ip(ip), Val::Ip(range)]) if mutant!(RangeIsFirstAddress) => {
                Ok(Val::Bool(ip.address == range.address))
            }
            (F::IsLoopback, [Val::Ip(ip)]) if mutant!(LoopbackIgnoresPrefix) => {
                Ok(Val::Bool(ip.address.is_loopback()))
            }
            (F::IsMulticast, [Val::Ip(ip)]) if mutant!(MulticastIgnoresPrefix) => {
                Ok(Val::Bool(ip.address.is_multicast()))
            }
            (F::Offset, [Val::Datetime(at), Val::Duration(by)]) if mutant!(OffsetSaturates) => {
                Ok(Val::Datetime(at.saturating_add(*by)))
            }
            (F::DurationSince, [Val::Datetime(at), Val::Datetime(since)]) if mutant!(SinceIsUntil) => {
                since.checked_sub(*at).map(Val::Duration).ok_or(Failure::Overflow)
            }
            (F::ToDate, [Val::Datetime(at)]) if mutant!(DateRoundsToZero) => {
                Ok(Val::Datetime(at / DAY * DAY))
            }
            (F::ToTime, [Val::Datetime(at)]) if mutant!(TimeIsNegative) => Ok(Val::Duration(at % DAY)),
            (F::ToHours, [Val::Duration(ms)]) if mutant!(HoursRoundUp) => {
                Ok(Val::Long(ms / 3_600_000 + i64::from(ms % 3_600_000 > 0)))
            }
            (F::LessThan, [Val::Decimal(a), Val::Decimal(b)]) => Ok(Val::Bool(a < b)),
            (F::LessThanOrEqual, [Val::Decimal(a), Val::Decimal(b)]) => Ok(Val::Bool(a <= b)),
            (F::GreaterThan, [Val::Decimal(a), Val::Decimal(b)]) => Ok(Val::Bool(a > b)),
            (F::GreaterThanOrEqual, [Val::Decimal(a), Val::Decimal(b)]) => Ok(Val::Bool(a >= b)),
            (F::IsIpv4, [Val::Ip(ip)]) => Ok(Val::Bool(ip.address.is_ipv4())),
            (F::IsIpv6, [Val::Ip(ip)]) => Ok(Val::Bool(ip.address.is_ipv6())),
            (F::IsLoopback, [Val::Ip(ip)]) => {
                let whole = if ip.address.is_ipv4() { 8 } else { 128 };
                Ok(Val::Bool(ip.address.is_loopback() && ip.prefix >= whole))
            }
            (F::IsMulticast, [Val::Ip(ip)]) => {
                let whole = if ip.address.is_ipv4() { 4 } else { 8 };
                Ok(Val::Bool(ip.address.is_multicast() && ip.prefix >= whole))
            }
            (F::IsInRange, [Val::Ip(ip), Val::Ip(range)]) => Ok(Val::Bool(in_range(ip, range))),
            (F::Offset, [Val::Datetime(at), Val::Duration(by)]) => {
                at.checked_add(*by).map(Val::Datetime).ok_or(Failure::Overflow)
            }
            (F::DurationSince, [Val::Datetime(at), Val::Datetime(since)]) => {
                at.checked_sub(*since).map(Val::Duration).ok_or(Failure::Overflow)
            }
            (F::ToDate, [Val::Datetime(at)]) => {
                at.checked_sub(at.rem_euclid(DAY)).map(Val::Datetime).ok_or(Failure::Overflow)
            }
            (F::ToTime, [Val::Datetime(at)]) => Ok(Val::Duration(at.rem_euclid(DAY))),
            (F::ToMilliseconds, [Val::Duration(ms)]) => Ok(Val::Long(*ms)),
            (F::ToSeconds, [Val::Duration(ms)]) => Ok(Val::Long(ms / 1_000)),
            (F::ToMinutes, [Val::Duration(ms)]) => Ok(Val::Long(ms / 60_000)),
            (F::ToHours, [Val::Duration(ms)]) => Ok(Val::Long(ms / 3_600_000)),
            (F::ToDays, [Val::Duration(ms)]) => Ok(Val::Long(ms / DAY)),
            _ => Err(Failure::Unreachable),
        }
    }
}

/// Whether every address of `ip` is one of `range`.
fn in_range(ip: &Ip, range: &Ip) -> bool {
    let bounds = |ip: &Ip| match ip.address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(ip.prefix.into()).unwrap_or(0);
            let address = u32::from(address);
            (true, u128::from(address & !host), u128::from(address | host))
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(ip.prefix.into()).unwrap_or(0);
            let address = u128::from(address);
            (false, address & !host, address | host)
        }
    };
    let ((is_v4, from, to), (range_is_v4, range_from, range_to)) = (bounds(ip), bounds(range));
    is_v4 == range_is_v4 && range_from <= from && to <= range_to
}
