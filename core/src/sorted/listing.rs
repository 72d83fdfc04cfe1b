//! In which order records are listed, and which of them: as a person asks for it, and as the schema has it.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::engine::Engine;
use crate::model::{EntityUid, Error, Type, TypeId, instant};
use crate::table::group::resolve_path;
use crate::view::FieldNeed;
use crate::world::index::Path;
use crate::world::order::{Bound, By, Last, Range, Texts};
use crate::world::{Handle, World};

/// Conditions of one list.
const FILTERS: usize = 16;

/// In which order records are listed, and which of them.
///
/// Both go by a path of attributes, such as `openedAt` or `student.yearLevel`, or of a store's content, such as
/// `student.name`. Values are written as in `caseward list --where`: an instant in RFC 3339, an entity by its id or its
/// name. A record without a value comes last, whichever way the list is turned, and none of the conditions but
/// [`Listing::without`] is so of it.
///
/// # Example
/// ```
/// use caseward::Listing;
///
/// let listing = Listing::new().by("openedAt").descending().only("status", "open");
/// assert_eq!(listing.to_string(), "by openedAt descending, where status=open");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    by: Option<Arc<str>>,
    descending: bool,
    filters: Vec<Filter>,
    found: Option<Found>,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    path: Arc<str>,
    test: Test,
    value: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Is,
    From,
    Below,
    Prefix,
    Absent,
}

/// Records that were found by what some of their fields say.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    /// What was looked for.
    asked: Arc<str>,
    /// By the path of each field, the entities that have what is looked for.
    by: Vec<(Arc<str>, Vec<Handle>)>,
}

impl Listing {
    /// All records, in the world's order.
    pub fn new() -> Self {
        Self::default()
    }

    /// In the order of what a path leads to. Texts come by their characters, entities by their ids.
    #[must_use]
    pub fn by(mut self, path: impl Into<Arc<str>>) -> Self {
        self.by = Some(path.into());
        self
    }

    /// Turned, but for records without a value, which stay last.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// Only records with this value.
    #[must_use]
    pub fn only(self, path: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.filter(path.into(), Test::Is, value.into())
    }

    /// Only records with this value or a greater one.
    #[must_use]
    pub fn from(self, path: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.filter(path.into(), Test::From, value.into())
    }

    /// Only records with a smaller value.
    #[must_use]
    pub fn below(self, path: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.filter(path.into(), Test::Below, value.into())
    }

    /// Only records with a text that begins so.
    #[must_use]
    pub fn beginning(self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        self.filter(path.into(), Test::Prefix, text.into())
    }

    /// Only records without a value.
    #[must_use]
    pub fn without(self, path: impl Into<Arc<str>>) -> Self {
        self.filter(path.into(), Test::Absent, "".into())
    }

    /// Only records of which a condition in words is so: `status=open`, `openedAt>=2026-02-16T00:00:00+13:00`,
    /// `openedAt<2026-02-16T00:00:00+13:00`, `student.name^=nga` for a beginning, `caseManager=` where there is none. Spaces
    /// around the sign are no part of it.
    ///
    /// # Errors
    /// [`Error::is_request`] for a text that is no condition.
    pub fn only_where(self, condition: &str) -> Result<Self, Error> {
        let at = condition.find(['=', '<', '>', '^']).filter(|at| *at > 0);
        let (path, rest) = condition.split_at(at.unwrap_or(condition.len()));
        let path = path.trim();
        let value_of = |sign: &str| rest.strip_prefix(sign).map(str::trim);
        let added = if let Some(value) = value_of(">=") {
            (!value.is_empty()).then(|| self.from(path, value))
        } else if let Some(text) = value_of("^=") {
            (!text.is_empty()).then(|| self.beginning(path, text))
        } else if let Some(value) = value_of("<") {
            (!value.is_empty() && !value.starts_with('=')).then(|| self.below(path, value))
        } else {
            // `==` and `=~` are other languages' comparisons: as a value they would find nothing, and not say why.
            value_of("=").filter(|value| !value.starts_with(['=', '~'])).map(|value| match value {
                "" => self.without(path),
                value => self.only(path, value),
            })
        };
        added.ok_or_else(|| {
            Error::request(format!(
                "`{condition}` is no condition: FIELD=VALUE, FIELD>=VALUE, FIELD<VALUE, FIELD^=BEGINNING, or FIELD= where \
                there is none"
            ))
        })
    }

    /// Only records of which a field, at the end of its path, belongs to one of these entities; and only where the person
    /// sees that field. `asked` is what was looked for, which cursors go with. What the records are sorted and filtered by
    /// need be seen of these alone.
    #[must_use]
    pub fn found(mut self, asked: impl Into<Arc<str>>, by: Vec<(Arc<str>, Vec<Handle>)>) -> Self {
        self.found = Some(Found { asked: asked.into(), by });
        self
    }

    /// The paths of the fields that it goes by.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.by.as_deref().into_iter().chain(self.filters.iter().map(|filter| &*filter.path))
    }

    fn filter(mut self, path: Arc<str>, test: Test, value: Arc<str>) -> Self {
        self.filters.push(Filter { path, test, value });
        self
    }
}

impl std::fmt::Display for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            Some(by) => write!(f, "by {by}{}", if self.descending { " descending" } else { "" })?,
            None => write!(f, "in the world's order{}", if self.descending { ", turned" } else { "" })?,
        }
        for Filter { path, test, value } in &self.filters {
            match test {
                Test::Is => write!(f, ", where {path}={value}")?,
                Test::From => write!(f, ", where {path}>={value}")?,
                Test::Below => write!(f, ", where {path}<{value}")?,
                Test::Prefix => write!(f, ", where {path} begins with {value}")?,
                Test::Absent => write!(f, ", without {path}")?,
            }
        }
        match &self.found {
            Some(found) => write!(f, ", found by {}", found.asked),
            None => Ok(()),
        }
    }
}

/// A listing in a schema.
pub(super) struct Resolved {
    pub(super) order: Option<(By, bool)>,
    pub(super) filters: Vec<(By, Range)>,
    /// What must be seen of every record.
    pub(super) needs: Vec<FieldNeed>,
    /// By which fields records are found, where they are.
    pub(super) found: Option<Vec<OneFound>>,
}

/// What must be seen of a record, the way from it, and where to.
pub(super) type OneFound = (Vec<FieldNeed>, Path, RoaringBitmap);

impl Resolved {
    pub(super) fn new(
        engine: &Engine,
        world: &World,
        ty: TypeId,
        (listing, texts): (&Listing, Option<&Texts>),
    ) -> Result<Self, Error> {
        if listing.filters.len() > FILTERS {
            return Err(Error::request(format!("a list has at most {FILTERS} conditions")));
        }
        if listing.by.is_none() && listing.descending {
            return Err(Error::request("a list is turned that is in no order: say what it is sorted by"));
        }
        let mut needs = Vec::new();
        let mut resolve = |path: &Arc<str>| {
            let field = Field::resolve(engine, world, ty, path, texts)?;
            needs.extend(field.needs(engine, path)?);
            Ok::<_, Error>(field)
        };
        let order = match &listing.by {
            Some(path) => Some((resolve(path)?.sortable(path)?, listing.descending)),
            None => None,
        };
        let mut filters = Vec::new();
        for filter in &listing.filters {
            let field = resolve(&filter.path)?;
            let range = field.range(filter, texts)?;
            filters.push((field.sortable(&filter.path)?, range));
        }
        let of_found = |(path, handles): &(Arc<str>, Vec<Handle>)| -> Result<OneFound, Error> {
            let field = Field::resolve(engine, world, ty, path, texts)?;
            let there = handles.iter().filter_map(|handle| world.place_of(*handle).ok());
            let rows = there.filter(|place| place.0 == field.by.of).map(|place| place.1.0).collect();
            Ok((field.needs(engine, path)?, field.by.way, rows))
        };
        let found = listing.found.as_ref().map(|found| {
            // By what nobody sees, nobody finds.
            found.by.iter().filter_map(|by| of_found(by).ok()).collect()
        });
        Ok(Resolved { order, filters, needs, found })
    }
}

/// A field at the end of a path.
struct Field {
    by: By,
    /// What it is; `None` for content.
    ty: Option<Type>,
}

impl Field {
    fn resolve(
        engine: &Engine,
        world: &World,
        start: TypeId,
        text: &str,
        texts: Option<&Texts>,
    ) -> Result<Self, Error> {
        let schema = world.schema();
        let (before, last) =
            text.rsplit_once('.').map_or((None, text), |(before, last)| (Some(before), last));
        let way = match before {
            Some(before) => match resolve_path(schema, start, before)? {
                (path, Type::Entity(of)) => Some((path, of)),
                _ => None,
            },
            None => Some((Path { start, steps: Vec::new() }, start)),
        };
        if let Some((way, of)) = &way
            && let Some(entity_type) = schema.entity_type(*of)
            && entity_type.attribute(last).is_none()
            && engine.fields_of(&entity_type.name, false).iter().any(|(field, _)| **field == *last)
        {
            if !texts.is_some_and(|texts| texts.holds(world, &entity_type.name, last)) {
                let why = "it is content, by which a store alone sorts and filters, and only as of now";
                return Err(Error::request(format!("`{text}`: {why}")));
            }
            let by = By { way: way.clone(), of: *of, last: Last::Text(last.into()) };
            return Ok(Field { by, ty: None });
        }
        let (mut path, ty) = resolve_path(schema, start, text)?;
        let attr = path.steps.pop().ok_or_else(|| Error::request(format!("`{text}` is no path")))?;
        let of = if path.steps.is_empty() { Some(start) } else { path.target(schema) };
        let of = of.ok_or_else(|| Error::request(format!("`{text}`: it leads through sets")))?;
        Ok(Field { by: By { way: path, of, last: Last::Attribute(attr) }, ty: Some(ty) })
    }

    fn needs(&self, engine: &Engine, path: &Arc<str>) -> Result<Vec<FieldNeed>, Error> {
        match &self.by.last {
            Last::Text(field) => engine.content_needs(path, &self.by.way, field),
            Last::Attribute(attr) => {
                let mut whole = self.by.way.clone();
                whole.steps.push(*attr);
                engine.field_needs(path.clone(), &whole)
            }
        }
    }

    fn sortable(self, path: &str) -> Result<By, Error> {
        match self.ty {
            Some(Type::Set(_) | Type::Record(_) | Type::Ip) => Err(Error::request(format!(
                "cannot sort or filter by `{path}`: it is a set, a record or an address"
            ))),
            _ => Ok(self.by),
        }
    }

    /// The values that a condition means.
    fn range(&self, filter: &Filter, texts: Option<&Texts>) -> Result<Range, Error> {
        let Filter { path, test, value } = filter;
        let refuse = |why: String| Err(Error::request(format!("`{path}`: {why}")));
        let is_text = matches!(self.ty, None | Some(Type::String | Type::Entity(_)));
        let bound = match (&self.ty, test) {
            (_, Test::Absent) => return Ok(Range::Absent),
            (ty, Test::Prefix) if !is_text => {
                return refuse(format!("it is no text that could begin with `{value}`, but {ty:?}"));
            }
            (None, _) => Bound::Text(texts.map_or_else(|| value.clone(), |texts| texts.folded(value).into())),
            (Some(Type::String), _) => Bound::Text(value.clone()),
            (Some(Type::Entity(_)), _) => {
                let named = value.parse::<EntityUid>().ok();
                Bound::Text(named.map_or_else(|| value.clone(), |uid| uid.id().into()))
            }
            (Some(Type::Bool), Test::Is) => match &**value {
                "true" => Bound::Number(1),
                "false" => Bound::Number(0),
                _ => return refuse(format!("`{value}` is neither true nor false")),
            },
            (Some(Type::Long), _) => match value.parse() {
                Ok(number) => Bound::Number(number),
                Err(_) => return refuse(format!("`{value}` is no whole number")),
            },
            (Some(Type::Datetime), _) => match instant(value) {
                Some(ms) => Bound::Number(ms),
                None => {
                    return refuse(format!(
                        "`{value}` is no instant in RFC 3339, such as 2026-05-11T09:00:00+12:00"
                    ));
                }
            },
            _ => return refuse("values of its type are not compared with a condition's".to_owned()),
        };
        Ok(match (test, bound) {
            (Test::Is, bound) => Range::Is(bound),
            (Test::From, bound) => Range::From(bound),
            (Test::Below, bound) => Range::Below(bound),
            (_, Bound::Text(text)) => Range::Prefix(text),
            (_, Bound::Number(_)) => return refuse("it is no text".to_owned()),
        })
    }
}
