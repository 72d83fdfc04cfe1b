//! Lists in an order, and lists that are followed: each as it is asked of a [`Ward`].

use crate::decide::Reads;
use crate::model::{Context, EntityUid, Error, Query};
use crate::sorted::{Listing, Question, Sorted};
use crate::visible::{Sighted, Watched};
use crate::ward::Ward;
use crate::world::{Texts, World};

impl Ward {
    /// The entities of type `resource_type` to which `principal` may do `action`, in the order and with the conditions of a
    /// [`Listing`]: exactly those of [`Ward::list`] of which the conditions are so.
    ///
    /// What it is sorted and filtered by must be what the principal may see of each entity of the list, before any is left
    /// out, as [`Ward::require_field`] says: an order tells nothing that views do not show.
    ///
    /// Cost: as [`Ward::visible`]; the first time that a field is asked for, a sort of all entities of the type, which is
    /// kept beside the world; after a batch, a look at each entity's version.
    ///
    /// # Errors
    /// As [`Ward::list`]; and [`Error::is_request`] for a path that the schema lacks, that leads through sets or to what
    /// has no order, for a value that is none of the field's type, and for a field that the principal may not see of every
    /// entity of the list.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, EntityUid, Listing, Query, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// let person = EntityUid::new("User", "u00001");
    /// let cases = Query::new(person, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
    /// let listing = Listing::new().by("openedAt").descending().only("status", "open");
    ///
    /// let list = ward.sorted(&world, &cases, &listing)?;
    /// let first = list.page(None, 20)?;
    /// assert_eq!(first.entities, list.iter().take(20).collect::<Vec<_>>());
    /// let second = ward.sorted(&world, &cases, &listing)?.page(first.next, 20)?;
    /// assert_eq!(second.entities, list.iter().skip(20).take(20).collect::<Vec<_>>());
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn sorted(&self, world: &World, query: &Query, listing: &Listing) -> Result<Sorted, Error> {
        self.sorted_with(world, query, listing, None)
    }

    /// As [`Ward::sorted`], by texts too that stand beside the facts.
    ///
    /// # Errors
    /// As [`Ward::sorted`]; and for content that `texts` does not hold.
    pub fn sorted_with(
        &self,
        world: &World,
        query: &Query,
        listing: &Listing,
        texts: Option<&Texts>,
    ) -> Result<Sorted, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        let Query { principal, action, resource_type: of, .. } = query;
        let question = Question { principal, action, of, context: &context };
        self.engine.sorted(world, &question, listing, texts)
    }

    /// What is read of the records of [`Ward::list`], to decide on one of them: for those who have these facts in columns of
    /// their own, and no world with the records.
    ///
    /// # Errors
    /// As [`Ward::list`].
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, EntityUid, Query, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// // National contracts sees the header of every case of a known status, whatever else there is to it.
    /// let query = Query::new(EntityUid::new("User", "u00002"), ActionName::new("viewSummary"), TypeName::new("Case"));
    /// let reads = ward.reads(&world, &query.at(1_778_446_800_000))?;
    /// assert_eq!((reads.paths.as_slice(), reads.itself), (&["status".into()][..], false));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn reads(&self, world: &World, query: &Query) -> Result<Reads, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.reads(world, (&query.principal, &query.action), &query.resource_type, &context)
    }

    /// The list of [`Ward::list`], to be followed from batch to batch.
    ///
    /// Whoever applies batches tells it of each with [`Ward::follow`].
    ///
    /// # Errors
    /// As [`Ward::list`].
    ///
    /// # Example
    /// ```
    /// use caseward::{ActionName, Changes, EntityUid, Query, Sighted, Source, Sources, TypeName, Value, Ward};
    ///
    /// let schema = "entity User = { team: String };
    ///     entity Note = { team: String };
    ///     action read appliesTo { principal: User, resource: Note };";
    /// let policy = r#"@id("same") permit (principal, action, resource) when { principal.team == resource.team };"#;
    /// let ward = Ward::new(&Sources {
    ///     schema: Source::new("schema", schema),
    ///     policies: vec![Source::new("policies", policy)],
    ///     catalogue: None,
    /// })?;
    /// let world = ward.read_world(
    ///     r#"[{"uid": {"type": "User", "id": "u"}, "attrs": {"team": "red"}, "parents": []},
    ///         {"uid": {"type": "Note", "id": "n"}, "attrs": {"team": "blue"}, "parents": []}]"#.as_bytes(),
    /// )?;
    /// let (user, note) = (EntityUid::new("User", "u"), EntityUid::new("Note", "n"));
    /// let query = Query::new(user, ActionName::new("read"), TypeName::new("Note"));
    /// let mut watched = ward.watch(&world, &query)?;
    /// assert!(watched.is_empty());
    ///
    /// world.apply(&Changes::new().set(&note, "team", Value::from("red")))?;
    /// let sighted = ward.follow(&mut watched, &[note.clone()], &query.context)?;
    /// assert_eq!((sighted.came, sighted.went), (vec![note], vec![]));
    /// // One record was decided by itself, and the list was not made again.
    /// assert_eq!(watched.work(), (1, 1));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn watch(&self, world: &World, query: &Query) -> Result<Watched, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.watch(world, query, &context)
    }

    /// Follows a list over the batch that was applied since: what came into sight with it, and what went out of it.
    ///
    /// `touched` are all entities that the batch changed, added or removed; the context is that of now. Cost: a decision for
    /// each record that the policies read something of `touched` for. Where the batch or the time changed what is left of
    /// the policies for the person, where more than one batch was applied, or the policies are others, it is that of the
    /// list.
    ///
    /// # Errors
    /// As [`Ward::list`]; the list is then as it was.
    pub fn follow(
        &self,
        watched: &mut Watched,
        touched: &[EntityUid],
        context: &Context,
    ) -> Result<Sighted, Error> {
        let context = self.engine.fields(&watched.query.action, context)?;
        self.engine.follow(watched, Some(touched), &context)
    }
}
