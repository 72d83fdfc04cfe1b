//! What to group by: a path of attributes, or a period of the calendar in which an instant at its end lies.

use std::sync::Arc;

use crate::model::suggest::hint;
use crate::model::{Attribute, Error, Schema, Type, TypeId, Unit, Zone};
use crate::world::index::Path;

/// What records are grouped by.
///
/// # Example
/// ```
/// use caseward::{Group, Unit, Zone};
///
/// let zone: Zone = "NZST-12NZDT,M9.5.0,M4.1.0/3".parse()?;
/// assert_eq!(Group::of("student.enrolledAt").name().as_ref(), "student.enrolledAt");
/// assert_eq!(Group::parse("month of openedAt", &zone)?, Group::period(Unit::Month, "openedAt", &zone));
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    path: Arc<str>,
    period: Option<(Unit, Zone)>,
}

impl Group {
    /// By the value at the end of a path of attributes, such as `status` or `student.enrolledAt`.
    pub fn of(path: impl Into<Arc<str>>) -> Self {
        Group { path: path.into(), period: None }
    }

    /// By the period in which the instant at the end of a path lies, by the calendar of a zone.
    pub fn period(unit: Unit, path: impl Into<Arc<str>>, zone: &Zone) -> Self {
        Group { path: path.into(), period: Some((unit, zone.clone())) }
    }

    /// Reads a path, or `year of`, `quarter of`, `month of` or `day of` a path.
    ///
    /// # Errors
    /// [`Error::is_request`] for another unit, and for a text that names nothing.
    pub fn parse(text: &str, zone: &Zone) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Err(Error::request(
                "a group is a path of attributes, such as `status`, or a period, such as `month of openedAt`; an empty \
                text names none",
            ));
        }
        let Some((unit, path)) = text.trim().split_once(" of ") else { return Ok(Group::of(text.trim())) };
        let unit = unit.trim();
        match Unit::ALL.iter().find(|(name, _)| *name == unit) {
            Some((_, unit)) => Ok(Group::period(*unit, path.trim(), zone)),
            None => {
                let units = Unit::ALL.iter().map(|(name, _)| *name);
                let hint = hint(unit, units.clone());
                let units = units.collect::<Vec<_>>().join(", ");
                Err(Error::request(format!("`{unit}` is no period of the calendar ({units}){hint}")))
            }
        }
    }

    /// What it is called, as [`Group::parse`] reads it.
    pub fn name(&self) -> Arc<str> {
        match &self.period {
            None => self.path.clone(),
            Some((unit, _)) => format!("{} of {}", unit.name(), self.path).into(),
        }
    }

    /// The path of attributes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The unit of the calendar, where it groups by one.
    pub fn unit(&self) -> Option<Unit> {
        self.period.as_ref().map(|(unit, _)| *unit)
    }

    /// The zone whose calendar it groups by, where it groups by periods.
    pub fn zone(&self) -> Option<&Zone> {
        self.period.as_ref().map(|(_, zone)| zone)
    }

    /// The group in a schema, from entities of type `start`.
    pub(crate) fn resolve(&self, schema: &Schema, start: TypeId) -> Result<Resolved, Error> {
        let (path, ty) = resolve_path(schema, start, &self.path)?;
        let refuse = |why: &str| Err(Error::request(format!("cannot group by `{}`: {why}", self.name())));
        let kind = match (&ty, &self.period) {
            (Type::Datetime, Some((unit, zone))) => By::Period(*unit, zone.clone()),
            (Type::Datetime, None) => {
                return refuse(&format!(
                    "it is an instant; group by a period, as in `month of {}`",
                    self.path
                ));
            }
            (_, Some(_)) => return refuse("it is no instant"),
            (Type::Entity(_) | Type::String | Type::Bool, None) => By::Key,
            (Type::Set(element), None) => match **element {
                Type::Entity(_) => By::Key,
                Type::Set(_) | Type::Record(_) => return refuse("it holds sets or records"),
                _ => By::Value,
            },
            (Type::Long, None) => By::Long,
            (Type::Decimal | Type::Ip | Type::Duration, None) => By::Value,
            (Type::Record(_), None) => return refuse("it is a record"),
        };
        Ok(Resolved { path, by: kind, is_set: matches!(ty, Type::Set(_)) })
    }
}

/// A group in a schema.
pub(crate) struct Resolved {
    pub(crate) path: Path,
    pub(crate) by: By,
    /// Whether a record can have several values.
    pub(crate) is_set: bool,
}

/// How the records of a group are told apart.
pub(crate) enum By {
    /// By what an index of the path would be keyed by.
    Key,
    Long,
    Period(Unit, Zone),
    /// By the value itself.
    Value,
}

/// Steps of a path.
const LONGEST: usize = 16;

/// A path of attributes, each but the last of them a reference, and the type at its end.
pub(crate) fn resolve_path(schema: &Schema, start: TypeId, text: &str) -> Result<(Path, Type), Error> {
    let (mut steps, mut ty, mut last): (_, _, Option<&Attribute>) = (Vec::new(), start, None);
    let refuse = |why: String| Error::request(format!("`{text}`: {why}"));
    for name in text.split('.') {
        if steps.len() == LONGEST {
            return Err(Error::request(format!("a path has at most {LONGEST} attributes")));
        }
        match last {
            None => {}
            Some(Attribute { ty: Type::Entity(of), .. }) => ty = *of,
            Some(_) => {
                return Err(refuse(format!("no path leads on to `{name}`: what is before it is no entity")));
            }
        }
        let Some(entity_type) = schema.entity_type(ty) else { break };
        let (at, attribute) = entity_type.attribute(name).ok_or_else(|| {
            let hint = hint(name, entity_type.attributes.iter().map(|(name, _)| name.as_ref()));
            refuse(format!("`{}` has no attribute `{name}`{hint}", entity_type.name))
        })?;
        steps.push(at);
        last = Some(attribute);
    }
    let ty = last.ok_or_else(|| refuse("is no path".to_owned()))?.ty.clone();
    Ok((Path { start, steps }, ty))
}
