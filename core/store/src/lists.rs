//! Lists of a store, in an order; and a search for people.

use std::sync::Arc;

use caseward::{Listing, Query, Schema, Sorted, Type};

use crate::beside::{NAME, NUMBER, PERSON, words};
use crate::error::Error;
use crate::state::State;
use crate::store::Store;

/// Steps to a person, at most.
const STEPS: usize = 3;

impl Store {
    /// The records of a type to which somebody may do something, in an order and with conditions, as
    /// [`Ward::sorted`](caseward::Ward::sorted); by content too, such as `student.name`, without case and macrons. The same
    /// holds of who may sort and filter by what.
    ///
    /// Values of content are read from the database when they are first asked for, and held from then on.
    ///
    /// It is not audited: [`Store::audit`] it before it is shown.
    ///
    /// # Errors
    /// As [`Ward::sorted`](caseward::Ward::sorted); what the database reports.
    ///
    /// # Example
    /// ```
    /// use caseward::{ActionName, EntityUid, Listing, Query, TypeName};
    /// # use caseward_store::{Options, PolicySet, Store};
    /// # let folder = std::env::temp_dir().join(format!("caseward-doc-lists-{}", std::process::id()));
    /// # std::fs::create_dir(&folder)?;
    /// # let options = Options::new().trusting(Some(1_778_446_800_000));
    /// # let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &options)?;
    /// # store.import(&include_bytes!("../tests/data/small.json")[..])?;
    /// let names = "type,id,field,value\nStudent,aroha,name,Āroha Ngata\n";
    /// store.feed("content", names.into(), 0)?;
    /// store.command(
    ///     r#"{"command": "createRequest", "as": "lead", "on": "Student::\"aroha\"",
    ///         "context": {"primaryContact": {"type": "User", "id": "lead"}}, "id": "r1"}"#,
    /// )?;
    /// let lead = EntityUid::new("User", "lead");
    /// let requests = Query::new(lead, ActionName::new("viewSummary"), TypeName::new("Request")).at(store.now()?);
    /// let listing = Listing::new().by("student.name").beginning("student.name", "ar");
    /// let page = store.list(&requests, &listing)?.page(None, 20)?;
    /// assert_eq!(page.entities, [EntityUid::new("Request", "r1")]);
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self, query: &Query, listing: &Listing) -> Result<Sorted, Error> {
        self.hold(query, listing)?;
        let held = self.beside().read();
        Ok(self.ward().sorted_with(self.world(), query, listing, Some(&held.texts))?)
    }

    /// Reads the content that a listing goes by, where it is not held yet.
    fn hold(&self, query: &Query, listing: &Listing) -> Result<(), Error> {
        let ward = self.ward();
        for path in listing.paths() {
            let Some((ty, field)) = content_of(ward.schema(), &query.resource_type, path) else { continue };
            let is_content = ward.content(&ty).iter().any(|(name, _)| **name == *field);
            if is_content && !self.beside().read().texts.holds(self.world(), &ty, field) {
                let field = field.to_owned();
                self.run(move |state, _| state.reading(|state| state.hold_texts(&ty, &field)))?;
            }
        }
        Ok(())
    }

    /// The records of a type to which somebody may do something, of students who are called so, or whose NSN begins so.
    ///
    /// Words count from their beginning, without case and macrons, in any order; each must be found. A text of digits is an
    /// NSN. A record is found by a name or an NSN that the person may see of it, and by no other. What is not found and what
    /// is not seen are one. In the order of names, unless `listing` says another.
    ///
    /// It is not audited: [`Store::audit`] it before it is shown.
    ///
    /// # Errors
    /// [`Error::Request`] for a text without a word, and for a type whose records are of no student; as [`Store::list`].
    pub fn search(&self, query: &Query, asked: &str, listing: &Listing) -> Result<Sorted, Error> {
        let asked_words = words(asked);
        if asked_words.is_empty() {
            return Err(Error::request("nothing is looked for: give a name, or an NSN, or how it begins"));
        }
        let ward = self.ward();
        let way = way_to_person(ward.schema(), &query.resource_type).ok_or_else(|| {
            Error::request(format!("records of the type `{}` are of no student", query.resource_type))
        })?;
        if self.beside().read().people.is_none() {
            self.run(|state, _| state.reading(State::hold_people))?;
        }
        let digits = asked_words.iter().all(|word| word.chars().all(|c| c.is_ascii_digit()));
        let path = |field: &str| -> Arc<str> { format!("{way}{field}").into() };
        let by_name = listing.paths().next().is_none() && !digits;
        let listing = if by_name { listing.clone().by(path(NAME)) } else { listing.clone() };
        // A name is found only where it is known to be shown, and then it is held.
        self.hold(query, &Listing::new().by(path(NAME)))?;
        self.hold(query, &listing)?;
        let held = self.beside().read();
        let ward = self.ward();
        let people = held.people.as_ref();
        let (field, found) = match digits {
            true => (NUMBER, people.map(|people| people.numbered(&asked_words.concat()))),
            false => (NAME, people.map(|people| people.named(&asked_words))),
        };
        let listing = listing.found(asked_words.join(" "), vec![(path(field), found.unwrap_or_default())]);
        Ok(ward.sorted_with(self.world(), query, &listing, Some(&held.texts))?)
    }
}

/// The type and the field at the end of a path, where it is no attribute.
fn content_of<'a>(schema: &Schema, start: &str, path: &'a str) -> Option<(String, &'a str)> {
    let mut ty = schema.entity_type(schema.type_id(start)?)?;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        match (ty.attribute(name), names.peek()) {
            (Some((_, attribute)), Some(_)) => {
                let Type::Entity(of) = attribute.ty else { return None };
                ty = schema.entity_type(of)?;
            }
            (None, None) => return Some((ty.name.to_string(), name)),
            _ => return None,
        }
    }
    None
}

/// The shortest way from a record to its student, as the beginning of a path.
fn way_to_person(schema: &Schema, start: &str) -> Option<String> {
    let mut ways = vec![(String::new(), schema.type_id(start)?)];
    for _ in 0..STEPS {
        if let Some((way, _)) =
            ways.iter().find(|(_, ty)| schema.entity_type(*ty).is_some_and(|ty| *ty.name == *PERSON))
        {
            return Some(way.clone());
        }
        let mut next = Vec::new();
        for (way, ty) in &ways {
            for (name, attribute) in schema.entity_type(*ty).map_or(&[][..], |ty| &ty.attributes) {
                if let Type::Entity(of) = attribute.ty {
                    next.push((format!("{way}{name}."), of));
                }
            }
        }
        ways = next;
    }
    None
}
