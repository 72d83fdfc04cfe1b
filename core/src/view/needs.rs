//! May this person see that field of each of these records?
//!
//! What records are grouped, sorted or filtered by is told with them: it must be what their views show anyway. Every
//! road that does so asks here.
//!
//! INVARIANT: a field is seen only where a view of the same person shows its section, or where the catalogue says
//! that everybody may see it. What stands in no section, nobody sees.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::engine::Engine;
use crate::model::{Action, AttrId, EntityUid, Error, Schema, TypeId, Value};
use crate::policy::catalogue::{Column, Shelf, Shown};
use crate::table::group::resolve_path;
use crate::visible::Visible;
use crate::world::World;
use crate::world::index::{NONE, Path, Walk};

/// What must be allowed so that the field at the end of a path is seen: a section's action, on the records themselves
/// or on what a reference of theirs leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// The path as it was asked for.
    path: Arc<str>,
    /// The way to those on which it must be allowed; no steps for the records themselves.
    on: Path,
    ty: TypeId,
    section: Arc<str>,
    /// The section's action, by its place.
    action: usize,
    /// Actions of which one is enough to know of them.
    known_by: Vec<usize>,
}

/// Who asks, and of which records: `rows` of one type, found at `version`.
pub(crate) struct Onlooker<'a> {
    pub(crate) world: &'a World,
    pub(crate) principal: &'a EntityUid,
    pub(crate) context: &'a BTreeMap<Arc<str>, Value>,
    pub(crate) rows: &'a RoaringBitmap,
    pub(crate) version: u64,
    /// What all of the records were found by, where it was one action.
    pub(crate) listed_by: Option<usize>,
}

impl Engine {
    pub(crate) fn require_field(
        &self,
        world: &World,
        principal: &EntityUid,
        records: &Visible,
        path: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<(), Error> {
        self.belongs_to(world)?;
        if !records.is_of(world) {
            return Err(Error::request("the records were found in another world"));
        }
        let (resolved, _) = resolve_path(self.schema(), records.type_id(), path)?;
        let needs = self.field_needs(path.into(), &resolved)?;
        let onlooker = Onlooker {
            world,
            principal,
            context,
            rows: records.bitmap(),
            version: records.provenance().version,
            listed_by: None,
        };
        match self.require(&needs, &onlooker)? {
            true => Ok(()),
            false => Err(Error::request("the data changed since the records were found: find them anew")),
        }
    }

    /// What must be allowed so that the field at the end of a path is seen.
    ///
    /// # Errors
    /// [`Error::is_request`] where nobody sees it.
    pub(crate) fn field_needs(&self, name: Arc<str>, path: &Path) -> Result<Vec<Need>, Error> {
        let schema = self.schema();
        let Some(catalogue) = self.catalogue.as_ref() else {
            let why = format!(
                "nobody may see `{name}`: the policies have no catalogue of fields, `fields.toml`, which says to whom \
                a field is shown"
            );
            return Err(Error::request(why));
        };
        let mut needs = Vec::new();
        let (mut ty, mut at) = (path.start, 0);
        while let Some(&step) = path.steps.get(at) {
            let next = path.steps.get(at + 1).copied();
            let shown = catalogue.of(ty);
            let found = shown.and_then(|shown| shown.shows(step, next).map(|found| (shown, found)));
            let taken = match found {
                Some((_, Shows::Everybody)) => 1,
                Some((shown, Shows::Shelf(shelf, taken))) => {
                    let on = Path { start: path.start, steps: path.steps.iter().take(at).copied().collect() };
                    needs.push(Need {
                        path: name.clone(),
                        on,
                        ty,
                        section: shelf.name.clone(),
                        action: shelf.action,
                        known_by: shown.known_by.clone(),
                    });
                    taken
                }
                None => return Err(unseen(schema, &name, ty, step)),
            };
            at += taken;
            let walked = Path { start: path.start, steps: path.steps.iter().take(at).copied().collect() };
            if at < path.steps.len() {
                ty = walked.target(schema).ok_or_else(|| unseen(schema, &name, ty, step))?;
            }
        }
        Ok(needs)
    }

    /// As [`Engine::field_needs`], of content that no rule reads, at the end of references.
    pub(crate) fn content_needs(&self, name: &Arc<str>, way: &Path, field: &str) -> Result<Vec<Need>, Error> {
        let schema = self.schema();
        let of = if way.steps.is_empty() { Some(way.start) } else { way.target(schema) };
        let nobody =
            || Error::request(format!("nobody may see `{name}`: the catalogue shows it in no section"));
        let (of, catalogue) = of.zip(self.catalogue.as_ref()).ok_or_else(nobody)?;
        let need = |on: Path, ty: TypeId, through: Option<AttrId>, field: &str| {
            let shown = catalogue.of(ty).filter(|shown| !shown.known_by.is_empty())?;
            let is_it = |column: &Column| {
                column.through == through && column.attribute.is_none() && *column.name == *field
            };
            let shelf = shown.sections.iter().find(|shelf| shelf.fields.iter().any(is_it))?;
            let known_by = shown.known_by.clone();
            let (section, action) = (shelf.name.clone(), shelf.action);
            Some(Need { path: name.clone(), on, ty, section, action, known_by })
        };
        // As a view of what refers to it shows it, where it does.
        if let Some((last, before)) = way.steps.split_last() {
            let before = Path { start: way.start, steps: before.to_vec() };
            let ty = if before.steps.is_empty() { Some(before.start) } else { before.target(schema) };
            let ty = ty.ok_or_else(nobody)?;
            let attributes = schema.entity_type(ty).map_or(&[][..], |ty| &ty.attributes);
            let through = attributes.get(last.index()).map_or("", |(name, _)| name.as_ref());
            if let Some(found) = need(before.clone(), ty, Some(*last), &format!("{through}.{field}")) {
                let mut needs = self.field_needs(name.clone(), &before)?;
                needs.push(found);
                return Ok(needs);
            }
        }
        let mut needs = self.field_needs(name.clone(), way)?;
        needs.push(need(way.clone(), of, None, field).ok_or_else(nobody)?);
        Ok(needs)
    }

    /// Those of the rows of which a view of the person shows a field; `None` where the data is of another version by now.
    pub(crate) fn shown_of(
        &self,
        needs: &[Need],
        onlooker: &Onlooker<'_>,
    ) -> Result<Option<RoaringBitmap>, Error> {
        let mut rows = onlooker.rows.clone();
        for need in needs {
            let Some(hidden) = self.hidden_from(onlooker, need.ty)? else { return Ok(None) };
            let reached = onlooker.reached(&need.on).unwrap_or_default();
            let Some(mut seen) = self.seen_by(onlooker, (need, &hidden), need.action, &reached)? else {
                return Ok(None);
            };
            let mut known = RoaringBitmap::new();
            for &action in &need.known_by {
                let Some(found) = self.seen_by(onlooker, (need, &hidden), action, &reached)? else {
                    return Ok(None);
                };
                known |= found;
            }
            seen &= known;
            match need.on.steps.is_empty() {
                true => rows &= seen,
                false => rows = onlooker.leading_to(&rows, &need.on, &seen),
            }
        }
        Ok(onlooker.is_of_one_version().then_some(rows))
    }

    /// Those of the rows, all of one type, that the person may know of; `None` where the data is of another version by now.
    pub(crate) fn known_of(
        &self,
        ty: TypeId,
        onlooker: &Onlooker<'_>,
    ) -> Result<Option<RoaringBitmap>, Error> {
        let Some(shown) = self.catalogue.as_ref().and_then(|catalogue| catalogue.of(ty)) else {
            let of = self.schema().entity_type(ty).map_or("", |ty| ty.name.as_ref());
            return Err(Error::request(format!("the catalogue shows nothing of a `{of}`")));
        };
        if shown.known_by.is_empty() {
            // Of a type that is public, everybody knows every one.
            let all = shown.public.as_ref().map(|_| onlooker.rows.clone());
            return Ok(Some(all.unwrap_or_default()));
        }
        let Some(hidden) = self.hidden_from(onlooker, ty)? else { return Ok(None) };
        let mut known = RoaringBitmap::new();
        for &action in &shown.known_by {
            let need = Need {
                path: "".into(),
                on: Path { start: ty, steps: Vec::new() },
                ty,
                section: "".into(),
                action,
                known_by: shown.known_by.clone(),
            };
            let Some(found) = self.seen_by(onlooker, (&need, &hidden), action, onlooker.rows)? else {
                return Ok(None);
            };
            known |= found;
        }
        known &= onlooker.rows;
        Ok(onlooker.is_of_one_version().then_some(known))
    }

    /// What tables of a kind may be grouped by that cover records of a type in aggregate only, as the catalogue says.
    #[cfg(feature = "attendance")]
    pub(crate) fn statistics(&self, ty: &str, kind: &str) -> &[Arc<str>] {
        let catalogue = self.catalogue.as_ref();
        let shown = self.schema().type_id(ty).and_then(|ty| catalogue?.of(ty));
        shown.and_then(|shown| shown.statistics.get(kind)).map_or(&[], Vec::as_slice)
    }

    /// Whether there is a catalogue of fields.
    #[cfg(feature = "attendance")]
    pub(crate) fn has_catalogue(&self) -> bool {
        self.catalogue.is_some()
    }

    /// Whether all of it is allowed; `false` where the data is of another version by now.
    ///
    /// # Errors
    /// [`Error::is_request`] where one of them is not, on one of the records.
    pub(crate) fn require(&self, needs: &[Need], onlooker: &Onlooker<'_>) -> Result<bool, Error> {
        let mut hidden: BTreeMap<TypeId, Hidden> = BTreeMap::new();
        for need in needs {
            let reached = onlooker.reached(&need.on);
            // Of nothing, nothing is withheld.
            if reached.as_ref().is_some_and(RoaringBitmap::is_empty) {
                continue;
            }
            let hidden = match hidden.entry(need.ty) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(open) => match self.hidden_from(onlooker, need.ty)? {
                    Some(found) => open.insert(found),
                    None => return Ok(false),
                },
            };
            // A view asks it of such a person or not at all.
            let asked = need.known_by.iter().all(|action| self.takes_principal(*action, onlooker.principal));
            let Some(reached) = reached.filter(|_| asked) else {
                return Err(self.not_shown(need, onlooker));
            };
            let Some(mut known) = self.seen_by(onlooker, (need, hidden), need.action, &reached)? else {
                return Ok(false);
            };
            let is_seen = reached.is_subset(&known);
            if !need.known_by.contains(&need.action) {
                known.clear();
            }
            for &action in need.known_by.iter().filter(|action| **action != need.action) {
                if is_seen && !reached.is_subset(&known) {
                    let Some(found) = self.seen_by(onlooker, (need, hidden), action, &reached)? else {
                        return Ok(false);
                    };
                    known |= found;
                }
            }
            if !onlooker.is_of_one_version() {
                return Ok(false);
            }
            if !is_seen || !reached.is_subset(&known) {
                return Err(self.not_shown(need, onlooker));
            }
        }
        Ok(onlooker.is_of_one_version())
    }

    /// The entities on which the person may do an action as a view asks it, those that are `reached` among them; none
    /// where its context lacks something that it needs, or it is none for such a principal. `None` where the data is of
    /// another version by now.
    fn seen_by(
        &self,
        onlooker: &Onlooker<'_>,
        (need, hidden): (&Need, &Hidden),
        action: usize,
        reached: &RoaringBitmap,
    ) -> Result<Option<RoaringBitmap>, Error> {
        let listed_by = onlooker.listed_by.filter(|_| need.on.steps.is_empty());
        let action: &Action = self.schema().actions().get(action).ok_or_else(Error::schema)?;
        let unlocked = hidden.of(action, onlooker.context);
        let found = match unlocked {
            Unlocked::None => Some(RoaringBitmap::new()),
            _ if listed_by == Some(action.place) => Some(reached.clone()),
            _ => self.may_on(onlooker, need.ty, action, onlooker.context)?,
        };
        Ok(match unlocked {
            Unlocked::Some(rows) => found.map(|found| found & rows),
            _ => found,
        })
    }

    /// The entities of a type on which the person may do an action with what it takes of a context; `None` where the
    /// data is of another version by now.
    fn may_on(
        &self,
        onlooker: &Onlooker<'_>,
        ty: TypeId,
        action: &Action,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Option<RoaringBitmap>, Error> {
        let Onlooker { world, principal, .. } = *onlooker;
        let is_taken = self.takes_principal(action.place, principal) && action.resources.contains(&ty);
        let is_whole =
            action.context.iter().all(|(name, field)| !field.required || context.contains_key(name));
        let Some(of) = self.schema().entity_type(ty).filter(|_| is_taken && is_whole) else {
            return Ok(Some(RoaringBitmap::new()));
        };
        let known = context.iter().filter(|(name, _)| action.context.contains_key(*name));
        let known = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        let found = self.visible(world, principal, &action.uid.to_string(), &of.name, &known)?;
        Ok((found.provenance().version == onlooker.version).then(|| found.bitmap().clone()))
    }

    /// What the context names and views of records of a type take as absent; `None` where the data is of another
    /// version by now.
    fn hidden_from(&self, onlooker: &Onlooker<'_>, ty: TypeId) -> Result<Option<Hidden>, Error> {
        let Onlooker { world, principal, context, .. } = *onlooker;
        let name = self.schema().entity_type(ty).map_or("", |ty| ty.name.as_ref());
        let unseen = self.unseen_with(world, (principal, name), context)?;
        if !onlooker.is_of_one_version() {
            return Ok(None);
        }
        let action = unseen.unlocks.filter(|_| unseen.locked != unseen.anyhow);
        let unlocked = match &action {
            Some((action, plain)) => {
                let action = self.schema().known_action(action)?;
                let Some(found) = self.may_on(onlooker, ty, action, plain)? else { return Ok(None) };
                found
            }
            None => RoaringBitmap::new(),
        };
        Ok(Some(Hidden { locked: unseen.locked, anyhow: unseen.anyhow, unlocked }))
    }

    fn takes_principal(&self, action: usize, principal: &EntityUid) -> bool {
        let action = self.schema().actions().get(action);
        let ty = self.schema().type_id(principal.type_name());
        action.is_some_and(|action| ty.is_none_or(|ty| action.principals.contains(&ty)))
    }

    fn not_shown(&self, need: &Need, onlooker: &Onlooker<'_>) -> Error {
        let Need { path, section, .. } = need;
        let of = self.schema().entity_type(need.ty).map_or("", |ty| ty.name.as_ref());
        let action = self.schema().actions().get(need.action);
        let action = action.map_or_else(String::new, |action| action.uid.id().to_owned());
        let hint = match need.on.steps.is_empty() && onlooker.listed_by != Some(need.action) {
            true => format!("; ask for those on which they may do `{action}`"),
            false => String::new(),
        };
        Error::request(format!(
            "`{path}` is not shown to {} of every record: it is in the section `{section}` of `{of}`, which `{action}` \
            shows{hint}",
            onlooker.principal
        ))
    }
}

impl Need {
    /// Whether it asks for what the other asks for.
    pub(super) fn asks_as(&self, other: &Need) -> bool {
        (&self.on, self.ty, self.action) == (&other.on, other.ty, other.action)
    }
}

/// What a context names and the person may not know of, for whom it is as if it were not there.
struct Hidden {
    /// On a record that does not unlock all.
    locked: BTreeSet<EntityUid>,
    /// On any record.
    anyhow: BTreeSet<EntityUid>,
    /// The records that do.
    unlocked: RoaringBitmap,
}

/// The records on which an action can be done at all with what a context names.
enum Unlocked<'a> {
    All,
    Some(&'a RoaringBitmap),
    None,
}

impl Hidden {
    fn of(&self, action: &Action, context: &BTreeMap<Arc<str>, Value>) -> Unlocked<'_> {
        let names = |hidden: &BTreeSet<EntityUid>| {
            let mut any = false;
            for (_, value) in context.iter().filter(|(name, _)| action.context.contains_key(*name)) {
                value.for_each_entity(&mut |uid| any |= hidden.contains(uid));
            }
            any
        };
        match (names(&self.locked), names(&self.anyhow)) {
            (false, _) => Unlocked::All,
            (true, false) => Unlocked::Some(&self.unlocked),
            (true, true) => Unlocked::None,
        }
    }
}

/// Whom a field is shown to.
enum Shows<'a> {
    Everybody,
    /// Those who see a section; and how many steps of the path lead to the field.
    Shelf(&'a Shelf, usize),
}

impl Shown {
    /// Whom the attribute at the end of one step, or of two, is shown to; that of two where both are.
    fn shows(&self, step: AttrId, next: Option<AttrId>) -> Option<Shows<'_>> {
        if self.public.as_ref().is_some_and(|public| public.contains(&step)) {
            return Some(Shows::Everybody);
        }
        if self.known_by.is_empty() {
            return None;
        }
        let find = |through: Option<AttrId>, attribute: AttrId| {
            self.sections.iter().find(|shelf| {
                let is_it =
                    |column: &Column| column.through == through && column.attribute == Some(attribute);
                shelf.fields.iter().any(is_it)
            })
        };
        let through = next.and_then(|next| find(Some(step), next)).map(|shelf| Shows::Shelf(shelf, 2));
        through.or_else(|| find(None, step).map(|shelf| Shows::Shelf(shelf, 1)))
    }
}

impl Onlooker<'_> {
    /// Whether the data is still what the records were found in.
    fn is_of_one_version(&self) -> bool {
        self.world.version() == self.version
    }

    /// What a path leads to from the records; `None` for one that leads to no entities.
    fn reached(&self, path: &Path) -> Option<RoaringBitmap> {
        if path.steps.is_empty() {
            return Some(self.rows.clone());
        }
        path.target(self.world.schema())?;
        let walk = Walk::new(self.world, path)?;
        let mut reached = RoaringBitmap::new();
        for row in self.rows {
            walk.each_key(self.world, row, |key| {
                reached.insert(key);
            });
        }
        reached.remove(NONE);
        Some(reached)
    }
}

impl Onlooker<'_> {
    /// Those of some rows from which a path leads to one of some entities.
    pub(crate) fn leading_to(&self, rows: &RoaringBitmap, path: &Path, to: &RoaringBitmap) -> RoaringBitmap {
        if path.steps.is_empty() {
            return rows & to;
        }
        let Some(walk) = Walk::new(self.world, path) else { return RoaringBitmap::new() };
        let leads = |row: &u32| {
            let mut leads = false;
            walk.each_key(self.world, *row, |key| leads |= key != NONE && to.contains(key));
            leads
        };
        rows.iter().filter(leads).collect()
    }
}

fn unseen(schema: &Schema, path: &str, ty: TypeId, step: AttrId) -> Error {
    let ty = schema.entity_type(ty);
    let name = ty.and_then(|ty| ty.attributes.get(step.index())).map_or("", |(name, _)| name.as_ref());
    let of = ty.map_or("", |ty| ty.name.as_ref());
    let shown = if path == name { String::new() } else { format!("`{path}`: ") };
    Error::request(format!("{shown}nobody may see `{name}` of `{of}`: the catalogue shows it in no section"))
}
