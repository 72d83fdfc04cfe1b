//! Which fields a record has, in which section each is, and which action shows a section.
//!
//! What rules read is in the schema, each attribute with its section; what no rule reads is in the catalogue, in
//! TOML. INVARIANT: a field is in one section at most, and every name in here was found in the schema.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::cedar::limits::taken;
use crate::cedar::{Sections, sections};
use crate::model::object;
use crate::model::suggest::hint;
use crate::model::{Action, AttrId, EntityType, Problem, Schema, Source, Transform, Type, TypeId, Zone};
use crate::table::group::Group;
use crate::world::index::Path;

/// Characters of who sets an attribute.
const WORDS: usize = 120;

/// What is shown of the records of each type, and who sets what.
#[derive(Debug)]
pub(crate) struct Catalogue {
    types: BTreeMap<TypeId, Shown>,
}

/// What is shown of the records of one type. Actions are named by their place.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) known_by: Vec<usize>,
    /// In the catalogue's order.
    pub(crate) sections: Vec<Shelf>,
    pub(crate) items: Vec<Entries>,
    pub(crate) alert: Option<Alert>,
    /// The action of whoever may be told all that an explanation says about a record.
    pub(crate) unlocks: Option<usize>,
    /// Attributes that explanations show to everybody; `Some`, where everybody may know of an entity.
    pub(crate) public: Option<Vec<AttrId>>,
    /// What tables that cover its records in aggregate only may be grouped by, by the kind of table.
    #[cfg_attr(
        not(any(feature = "attendance", feature = "author")),
        expect(dead_code, reason = "reports and lints read it")
    )]
    pub(crate) statistics: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Attributes that others set, each with who does.
    pub(crate) set_by: BTreeMap<AttrId, Arc<str>>,
    /// The forms in which fields of its own may be released, beside as they are.
    pub(crate) transforms: BTreeMap<Arc<str>, Vec<Transform>>,
}

/// One section with its fields.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) name: Arc<str>,
    pub(crate) action: usize,
    pub(crate) fields: Vec<Column>,
}

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Column {
    /// As an answer names it: `status`, `student.name`.
    pub(crate) name: Arc<str>,
    /// The reference that leads to the entity that has it; `None` where it is the record's own.
    pub(crate) through: Option<AttrId>,
    /// The attribute; `None` for content that no rule reads.
    pub(crate) attribute: Option<AttrId>,
}

/// The entries of a record: entities of a type that refer to it.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) path: Path,
    pub(crate) by: AttrId,
    pub(crate) action: usize,
}

/// Who is told of what happens to a record: whoever may do the one action and the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alert {
    pub(crate) action: usize,
    pub(crate) sees: usize,
}

type Name = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawType {
    #[serde(default)]
    known_by: Vec<Name>,
    #[serde(default)]
    includes: Vec<Name>,
    #[serde(default, deserialize_with = "object::list")]
    items: Vec<RawItems>,
    #[serde(default, deserialize_with = "object::option")]
    alert: Option<RawAlert>,
    unlocks: Option<Name>,
    public: Option<Vec<Name>>,
    #[serde(default)]
    statistics: BTreeMap<String, Vec<Name>>,
    #[serde(default)]
    sections: BTreeMap<Name, Name>,
    #[serde(default)]
    content: BTreeMap<Name, Name>,
    #[serde(default)]
    set_by: BTreeMap<Name, Name>,
    #[serde(default)]
    transforms: BTreeMap<Name, Vec<Name>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItems {
    #[serde(rename = "type")]
    ty: Name,
    by: Name,
    action: Name,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlert {
    action: Name,
    sees: Name,
}

impl Catalogue {
    /// Reads a catalogue for a schema that was found valid.
    ///
    /// # Errors
    /// Every name that the schema lacks, with the one that was probably meant; every field that stands twice or in
    /// a section that nothing shows.
    pub(crate) fn read(
        source: &Source,
        schema_source: &Source,
        schema: &Schema,
    ) -> Result<Self, Vec<Problem>> {
        taken(&source.text).map_err(|problem| vec![problem.in_source(&source.name)])?;
        let raw = toml::Deserializer::parse(&source.text).and_then(object::map::<_, Name, RawType>);
        let raw = raw.map_err(|error| {
            let problem = Problem::error(error.message().to_owned()).in_source(&source.name);
            vec![match error.span() {
                Some(span) => problem.at(&source.text, span),
                None => problem,
            }]
        })?;
        let mut reading = Reading {
            schema,
            source,
            schema_source,
            sections: sections(schema_source),
            raw: BTreeMap::new(),
            problems: Vec::new(),
        };
        for (name, raw) in &raw {
            let names = schema.entity_types().iter().map(|ty| ty.name.as_ref());
            match schema.type_id(name.get_ref()) {
                Some(ty) => {
                    reading.raw.insert(ty, raw);
                }
                None => reading.refuse(
                    name.span(),
                    format!(
                        "the schema has no entity type `{}`{}",
                        name.get_ref(),
                        hint(name.get_ref(), names)
                    ),
                ),
            }
        }
        let types = reading.types();
        if reading.problems.is_empty() { Ok(Catalogue { types }) } else { Err(reading.problems) }
    }

    pub(crate) fn of(&self, ty: TypeId) -> Option<&Shown> {
        self.types.get(&ty)
    }

    /// What is shown of the records of each type.
    pub(crate) fn types(&self) -> impl Iterator<Item = (TypeId, &Shown)> {
        self.types.iter().map(|(ty, shown)| (*ty, shown))
    }

    /// The paths by which entries of records are found.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.types.values().flat_map(|shown| shown.items.iter().map(|items| &items.path))
    }
}

struct Reading<'a> {
    schema: &'a Schema,
    source: &'a Source,
    schema_source: &'a Source,
    sections: Sections,
    raw: BTreeMap<TypeId, &'a RawType>,
    problems: Vec<Problem>,
}

impl<'a> Reading<'a> {
    fn refuse(&mut self, span: Range<usize>, why: impl Into<String>) {
        self.problems.push(Problem::error(why).in_source(&self.source.name).at(&self.source.text, span));
    }

    fn types(&mut self) -> BTreeMap<TypeId, Shown> {
        let raw: Vec<(TypeId, &RawType)> = self.raw.iter().map(|(ty, raw)| (*ty, *raw)).collect();
        let mut types = BTreeMap::new();
        // The sections in which the fields of a type are shown somewhere.
        let mut shelves: BTreeMap<TypeId, Vec<&str>> = BTreeMap::new();
        for &(ty, raw) in &raw {
            let Some(entity) = self.schema.entity_type(ty) else { continue };
            let included = self.includes(ty, entity, raw);
            let of = included.iter().map(|(_, target)| *target).chain([ty]);
            for target in of {
                shelves
                    .entry(target)
                    .or_default()
                    .extend(raw.sections.keys().map(|name| name.get_ref().as_str()));
            }
            let mut shown = Shown {
                known_by: raw.known_by.iter().filter_map(|name| self.action(ty, name)).collect(),
                items: raw.items.iter().filter_map(|items| self.items(ty, items)).collect(),
                alert: raw.alert.as_ref().and_then(|alert| self.alert(ty, alert)),
                unlocks: raw.unlocks.as_ref().and_then(|action| self.action(ty, action)),
                public: raw.public.as_ref().map(|names| {
                    names.iter().filter_map(|name| self.attribute(ty, name)).map(|(attr, _)| attr).collect()
                }),
                statistics: self.statistics(ty, raw),
                set_by: raw.set_by.iter().filter_map(|(name, who)| self.set_by(ty, name, who)).collect(),
                transforms: self.transforms(entity, raw),
                sections: Vec::new(),
            };
            let mut sections: Vec<(&Name, &Name)> = raw.sections.iter().collect();
            sections.sort_by_key(|(name, _)| name.span().start);
            for (name, action) in sections {
                let Some(action) = self.action(ty, action) else { continue };
                let mut fields = self.fields(ty, name.get_ref(), None);
                for (attr, target) in &included {
                    fields.extend(self.fields(*target, name.get_ref(), Some((entity, *attr))));
                }
                shown.sections.push(Shelf { name: name.get_ref().as_str().into(), action, fields });
            }
            types.insert(ty, shown);
        }
        self.check_fields(&raw, &shelves);
        types
    }

    /// The attributes and the content of a type that are in a section, as fields of itself or of what includes it.
    fn fields(&self, ty: TypeId, section: &str, through: Option<(&EntityType, AttrId)>) -> Vec<Column> {
        let Some(entity) = self.schema.entity_type(ty) else { return Vec::new() };
        let prefix = through
            .and_then(|(from, attr)| from.attributes.get(attr.index()))
            .map_or_else(String::new, |(name, _)| format!("{name}."));
        let column = |name: &str, attribute| Column {
            name: format!("{prefix}{name}").into(),
            through: through.map(|(_, attr)| attr),
            attribute,
        };
        let is_here = |name: &Arc<str>| {
            self.sections.get(&(entity.name.clone(), name.clone())).is_some_and(|of| of.as_ref() == section)
        };
        let attributes = (0u16..).zip(&entity.attributes).filter(|(_, (name, _))| is_here(name));
        let mut fields: Vec<Column> =
            attributes.map(|(at, (name, _))| column(name, Some(AttrId(at)))).collect();
        let raw = self.raw.get(&ty);
        let mut content: Vec<(&Name, &Name)> = raw.iter().flat_map(|raw| &raw.content).collect();
        content.retain(|(_, of)| of.get_ref() == section);
        content.sort_by_key(|(name, _)| name.span().start);
        fields.extend(content.into_iter().map(|(name, _)| column(name.get_ref(), None)));
        fields
    }

    fn action(&mut self, ty: TypeId, name: &Name) -> Option<usize> {
        let entity = self.schema.entity_type(ty).map_or("", |ty| ty.name.as_ref());
        let Some(action) = self.schema.action(name.get_ref()) else {
            let takes = |action: &&Action| action.resources.contains(&ty);
            let names = self.schema.actions().iter().filter(takes).map(|action| action.uid.id());
            let hint = hint(name.get_ref(), names);
            self.refuse(name.span(), format!("the schema has no action `{}`{hint}", name.get_ref()));
            return None;
        };
        if !action.resources.contains(&ty) {
            let why = format!("{} takes no resource of type `{entity}`", action.uid);
            self.refuse(name.span(), why);
            return None;
        }
        Some(action.place)
    }

    fn attribute(&mut self, ty: TypeId, name: &Name) -> Option<(AttrId, &'a Type)> {
        let entity = self.schema.entity_type(ty)?;
        let Some((id, attribute)) = entity.attribute(name.get_ref()) else {
            let hint = hint(name.get_ref(), entity.attributes.iter().map(|(name, _)| name.as_ref()));
            self.refuse(
                name.span(),
                format!("`{}` has no attribute `{}`{hint}", entity.name, name.get_ref()),
            );
            return None;
        };
        Some((id, &attribute.ty))
    }

    /// An attribute with who sets it, in words that fit on a line.
    fn set_by(&mut self, ty: TypeId, name: &Name, who: &Name) -> Option<(AttrId, Arc<str>)> {
        let (attr, _) = self.attribute(ty, name)?;
        let text = who.get_ref().trim();
        if text.is_empty() || text.chars().count() > WORDS || text.chars().any(char::is_control) {
            let why =
                format!("who sets `{}` is to be said in a line of 1 to {WORDS} characters", name.get_ref());
            self.refuse(who.span(), why);
            return None;
        }
        Some((attr, text.into()))
    }

    /// The forms in which fields may be released: of fields that a section shows, each form once and of a type that it
    /// fits. Of content no type is known here; what is in a column is looked at where it is released.
    fn transforms(&mut self, entity: &EntityType, raw: &RawType) -> BTreeMap<Arc<str>, Vec<Transform>> {
        let mut all = BTreeMap::new();
        for (name, forms) in &raw.transforms {
            let field = name.get_ref().as_str();
            let attribute = entity.attribute(field).map(|(_, attribute)| &attribute.ty);
            let is_shown = match attribute {
                Some(_) => self.sections.contains_key(&(entity.name.clone(), Arc::from(field))),
                None => raw.content.contains_key(field),
            };
            if !is_shown {
                let attributes = entity.attributes.iter().map(|(name, _)| name.as_ref());
                let content = raw.content.keys().map(|name| name.get_ref().as_str());
                let hint = hint(field, attributes.chain(content));
                let why = match attribute {
                    Some(_) => {
                        format!("`{field}` of `{}` is in no section, so that nobody sees it", entity.name)
                    }
                    None => format!("`{}` has no field `{field}`{hint}", entity.name),
                };
                self.refuse(name.span(), why);
                continue;
            }
            if forms.is_empty() {
                self.refuse(name.span(), format!("`{field}` is to have a transform at least, or no entry"));
            }
            let mut found: Vec<Transform> = Vec::new();
            for form in forms {
                match form.get_ref().parse::<Transform>() {
                    Err(error) => self.refuse(form.span(), error.to_string()),
                    Ok(known) if found.contains(&known) => {
                        self.refuse(form.span(), format!("`{field}` has the transform `{known}` twice"));
                    }
                    Ok(form_of) => match attribute.filter(|ty| !form_of.fits(ty)) {
                        None => found.push(form_of),
                        Some(ty) => {
                            let (takes, is) = (form_of.takes(), self.schema.show(ty));
                            let why = format!("`{form_of}` is made of {takes}, and `{field}` holds {is}");
                            self.refuse(form.span(), why);
                        }
                    },
                }
            }
            all.insert(field.into(), found);
        }
        all
    }

    fn includes(&mut self, ty: TypeId, entity: &EntityType, raw: &RawType) -> Vec<(AttrId, TypeId)> {
        let mut found: Vec<(AttrId, TypeId)> = Vec::new();
        for name in &raw.includes {
            let Some((attr, is)) = self.attribute(ty, name) else { continue };
            match is {
                Type::Entity(target) if !found.iter().any(|(known, _)| *known == attr) => {
                    found.push((attr, *target));
                }
                Type::Entity(_) => {
                    self.refuse(name.span(), format!("`{}` is included twice", name.get_ref()))
                }
                _ => {
                    let why = format!("`{}` of `{}` refers to no entity", name.get_ref(), entity.name);
                    self.refuse(name.span(), why);
                }
            }
        }
        found
    }

    fn items(&mut self, of: TypeId, raw: &RawItems) -> Option<Entries> {
        let Some(ty) = self.schema.type_id(raw.ty.get_ref()) else {
            let hint = hint(raw.ty.get_ref(), self.schema.entity_types().iter().map(|ty| ty.name.as_ref()));
            self.refuse(raw.ty.span(), format!("the schema has no entity type `{}`{hint}", raw.ty.get_ref()));
            return None;
        };
        let (by, refers) = self.attribute(ty, &raw.by)?;
        if *refers != Type::Entity(of) {
            let entity = self.schema.entity_type(of).map_or("", |ty| ty.name.as_ref());
            let why =
                format!("`{}` of `{}` does not refer to `{entity}`", raw.by.get_ref(), raw.ty.get_ref());
            self.refuse(raw.by.span(), why);
            return None;
        }
        let action = self.action(ty, &raw.action)?;
        Some(Entries { path: Path { start: ty, steps: vec![by] }, by, action })
    }

    fn alert(&mut self, ty: TypeId, raw: &RawAlert) -> Option<Alert> {
        let (action, sees) = (self.action(ty, &raw.action), self.action(ty, &raw.sees));
        Some(Alert { action: action?, sees: sees? })
    }

    /// What tables in aggregate may be grouped by: each a group of the schema, of which a record has one value.
    fn statistics(&mut self, ty: TypeId, raw: &RawType) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
        let mut all = BTreeMap::new();
        for (kind, groups) in &raw.statistics {
            let mut names: Vec<Arc<str>> = Vec::new();
            for text in groups {
                let read = Group::parse(text.get_ref(), &Zone::utc());
                match read.and_then(|group| Ok((group.name(), group.resolve(self.schema, ty)?))) {
                    Ok((name, resolved)) if !resolved.is_set => names.push(name),
                    Ok((name, _)) => {
                        self.refuse(text.span(), format!("`{name}` holds sets: a record would count twice"));
                    }
                    Err(error) => self.refuse(text.span(), error.to_string()),
                }
            }
            all.insert(kind.as_str().into(), names);
        }
        all
    }

    /// Every field stands once, in a section that something shows.
    fn check_fields(&mut self, raw: &[(TypeId, &RawType)], shelves: &BTreeMap<TypeId, Vec<&str>>) {
        let none = Vec::new();
        for (ty, raw) in raw {
            let Some(entity) = self.schema.entity_type(*ty) else { continue };
            let known = shelves.get(ty).unwrap_or(&none);
            for (name, section) in &raw.content {
                if entity.attribute(name.get_ref()).is_some() {
                    let why = format!("`{}` is an attribute of `{}` too", name.get_ref(), entity.name);
                    self.refuse(name.span(), why);
                }
                if !known.contains(&section.get_ref().as_str()) {
                    let hint = hint(section.get_ref(), known.iter().copied());
                    let why =
                        format!("nothing shows a section `{}` of `{}`{hint}", section.get_ref(), entity.name);
                    self.refuse(section.span(), why);
                }
            }
        }
        let annotated: Vec<(Arc<str>, Arc<str>, Arc<str>)> =
            self.sections.iter().map(|((ty, name), of)| (ty.clone(), name.clone(), of.clone())).collect();
        for (ty, name, section) in annotated {
            let known = self.schema.type_id(&ty).and_then(|ty| shelves.get(&ty)).unwrap_or(&none);
            if !known.contains(&section.as_ref()) {
                let hint = hint(&section, known.iter().copied());
                let why =
                    format!("`{name}` of `{ty}` is in a section `{section}`, which nothing shows{hint}");
                self.problems.push(Problem::error(why).in_source(&self.schema_source.name));
            }
        }
    }
}
