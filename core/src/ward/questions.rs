//! The questions: each as it is asked of a [`Ward`], with what it costs and what it refuses.
//!
//! Nothing is answered here: every method hands on to the engine.

use std::sync::Arc;

use crate::cedar::EntityParser;
use crate::count::Counting;
use crate::decide::Decider;
use crate::decide::actions::ActionAnswer;
use crate::explain::{Disclosure, Explanation, Sight, Viewer};
use crate::model::{
    ActionName, ActionQuery, AlertQuery, Answer, Context, EntityUid, Error, PrincipalQuery, Query, Request,
    RequestEnvironment, TypeName,
};
use crate::sql::{Database, Filter, FilterOptions};
use crate::table::Table;
use crate::table::disclosure::Protection;
use crate::table::group::Group;
use crate::view::{Seen, View};
use crate::visible::{Granted, Visible};
use crate::ward::Ward;
use crate::world;
use crate::world::{Changes, World};

impl Ward {
    /// Reads a request: `{"principal": "User::\"u1\"", "action": "Action::\"viewSummary\"", "resource":
    /// "Case::\"c1\"", "context": {…}}`, the context in Cedar's JSON.
    ///
    /// Where the action's context has a `now` that is a datetime and the JSON lacks it, it becomes `now`,
    /// in milliseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub fn read_request(&self, json: &str) -> Result<Request, Error> {
        self.engine.read_request(json)
    }

    /// Reads a context in Cedar's JSON; `now` as in [`Ward::read_request`].
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub fn read_context(&self, action: &ActionName, json: &str) -> Result<Context, Error> {
        self.engine.read_context(action, json)
    }

    /// Reads a context that serves every action of the two types: each field as an action that knows it reads it.
    ///
    /// `now` becomes the field of that name where some action asks for it and the JSON lacks it.
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub fn read_context_for(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
        json: &str,
    ) -> Result<Context, Error> {
        self.engine.read_context_for(principal, resource, json)
    }

    /// The answer to what is no request: denied, with the reason as its error. For those who answer many in a row and go on
    /// after one that cannot be read.
    pub fn refused(&self, world: &World, why: impl Into<String>) -> Answer {
        self.engine.refused_unread(world, why.into())
    }

    /// Decides a request, failing closed.
    ///
    /// A request that names an entity which is not in the data is denied before evaluation. If any policy
    /// that applies cannot be evaluated, permit or forbid, the decision is deny. Cost: one evaluation of the
    /// policies that can apply to the types, what several ask being asked once.
    ///
    /// The answer tells a denied record from one that is not there, and names policies: it is for a trusted caller,
    /// such as the service that asks. Of it a person may be told whether it is an allow; what else may reach them is
    /// [`Ward::view`] and [`Ward::explain_for`].
    ///
    /// # Errors
    /// [`Error::is_request`] for an action that the schema lacks, a principal or resource of a type that
    /// the action does not take, a context of another shape; [`Error::is_schema`] for a world of another schema.
    pub fn check(&self, world: &World, request: &Request) -> Result<Answer, Error> {
        let context = self.engine.fields(&request.action, &request.context)?;
        self.engine.check(world, request, &context)
    }

    /// Decides a request with Cedar's own authorizer, failing closed: the reference for [`Ward::check`].
    ///
    /// The two differ in speed alone: errors are in the same words. Cost: one evaluation of every policy over the facts
    /// that they can read.
    ///
    /// # Errors
    /// As [`Ward::check`].
    pub fn check_by_reference(&self, world: &World, request: &Request) -> Result<Answer, Error> {
        self.engine.check_by_reference(world, &*self.engine.settled(request)?)
    }

    /// What decides for principals and resources of these types, with entities of `world`.
    ///
    /// Cost of the first decision for a person who is unlike all before: some tens of microseconds, for a
    /// program of their own kind.
    ///
    /// # Errors
    /// [`Error::is_request`] for names that the schema lacks or types that the action does not take;
    /// [`Error::is_schema`] for a world of another schema.
    pub fn decider(&self, world: &World, environment: &RequestEnvironment) -> Result<Decider, Error> {
        self.engine.decider(world, environment)
    }

    /// Every action that applies to the two types, in the order of their names, each with its answer or with what
    /// its context still needs.
    ///
    /// `context` holds fields for any of the actions, by name; each action takes those that it knows. An action is
    /// answered where it is allowed as it is, and where nothing that is not given could change the answer.
    /// One that is left open may still turn out to be denied for every value there is, unless
    /// [`Need::values`](crate::Need::values) says which ones allow it.
    ///
    /// The answers tell a denied record from one that is not there: they are for a trusted caller, such as the service
    /// that asks. What a person may do next is told to them by [`Ward::view`].
    ///
    /// Cost: one evaluation of the policies of all these actions, what several ask being asked once.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the schema lacks, and for a field of another type than an action asks
    /// for; [`Error::is_schema`].
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, ActionQuery, EntityUid, PrincipalQuery, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let now = 1_778_446_800_000;
    /// let case = EntityUid::new("Case", "c0000001");
    /// let who = PrincipalQuery::new(TypeName::new("User"), ActionName::new("closeCase"), case.clone()).at(now);
    /// for person in ward.who(&world, &who)?.iter() {
    ///     let actions = ward.actions(&world, &ActionQuery::new(person, case.clone()).at(now))?;
    ///     let support = actions.iter().find(|one| &*one.action == "requestAdditionalSupport");
    ///     // With the caregivers' consent, and not without.
    ///     let needs = support.map_or(&[][..], |one| &one.needs);
    ///     assert!(needs.iter().any(|need| &*need.field == "caregiverConsent" && need.values == Some(vec![true.into()])));
    /// }
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn actions(&self, world: &World, query: &ActionQuery) -> Result<Vec<ActionAnswer>, Error> {
        let context =
            self.engine.fields_for(query.principal.type_name(), query.resource.type_name(), &query.context);
        self.engine.actions(world, &query.principal, &query.resource, &context)
    }

    /// The entities of type `resource_type` to which `principal` may do `action`, in the world's order: that in
    /// which their ids were first named.
    ///
    /// A principal who is not in the data sees nothing. Cost: as [`Ward::visible`], and the ids.
    ///
    /// # Errors
    /// As [`Ward::check`], and [`Error::is_request`] for a type that the schema lacks.
    pub fn list(&self, world: &World, query: &Query) -> Result<Vec<EntityUid>, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.list(world, &query.principal, &query.action, &query.resource_type, &context)
    }

    /// How many entities [`Ward::list`] gives.
    ///
    /// # Errors
    /// As [`Ward::list`].
    pub fn count(&self, world: &World, query: &Query) -> Result<usize, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.count(world, &query.principal, &query.action, &query.resource_type, &context)
    }

    /// The entities of type `resource_type` to which `principal` may do `action`, as a set.
    ///
    /// Cost: the policies are specialised on the person, which is kept for the next time; what is left of them
    /// is looked up in indices, so that it follows the size of the answer and not of the data. A list that
    /// first uses an index makes it, with one look at all entities of the type.
    ///
    /// # Errors
    /// As [`Ward::list`].
    pub fn visible(&self, world: &World, query: &Query) -> Result<Visible, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.visible(world, &query.principal, &query.action, &query.resource_type, &context)
    }

    /// Makes the indices that [`Ward::visible`] and [`Ward::who`] can use for every action, so that none of them
    /// has to.
    ///
    /// Cost: a few seconds for millions of entities; batches of changes wait.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema.
    pub fn make_indices(&self, world: &World) -> Result<(), Error> {
        self.engine.make_indices(world)
    }

    /// The entities of type `principal_type` that may do `action` to `resource`, as a set in the world's order:
    /// exactly those for which [`Ward::check`] answers with an allow.
    ///
    /// A record that is not in the data gives nobody. It tells everything and is for a trusted caller alone.
    /// Cost: the policies are specialised on the record, which is kept for the next time; what is left of them is
    /// looked up in indices over people, so that it follows the size of the answer and not the number of people.
    ///
    /// # Errors
    /// As [`Ward::check`], and [`Error::is_request`] for a type that the schema lacks.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, EntityUid, PrincipalQuery, Request, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let case = EntityUid::new("Case", "c0000001");
    /// let now = 1_778_446_800_000;
    ///
    /// let view = ActionName::new("viewSummary");
    /// let who = PrincipalQuery::new(TypeName::new("User"), view.clone(), case.clone()).at(now);
    /// for person in ward.who(&world, &who)?.page(None, 20)?.entities {
    ///     let request = Request::new(person, view.clone(), case.clone()).at(now);
    ///     assert!(ward.check(&world, &request)?.is_allowed());
    /// }
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn who(&self, world: &World, query: &PrincipalQuery) -> Result<Visible, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.who(world, &query.action, &query.resource, &query.principal_type, &context)
    }

    /// As [`Ward::who`], each with the policies that permit it, in the world's order.
    ///
    /// Cost: one evaluation of the policies for each of them besides, what is asked of the record alone being
    /// asked once.
    ///
    /// # Errors
    /// As [`Ward::who`].
    pub fn who_with_reasons(&self, world: &World, query: &PrincipalQuery) -> Result<Vec<Granted>, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.who_with_reasons(world, &query.action, &query.resource, &query.principal_type, &context)
    }

    /// How many entities of type `resource_type` there are to which `principal` may do `action`, in each group and
    /// in all.
    ///
    /// It counts exactly what [`Ward::list`] gives. Several groups make a table of all their combinations, with the
    /// totals over each. An entity whose attribute is absent is in a group of its own, [`Key::Absent`](crate::Key::Absent); one with a
    /// set counts in each of the set's elements, one whose set is empty in [`Key::Empty`](crate::Key::Empty). A principal who is not in
    /// the data has an empty table.
    ///
    /// What it is grouped by must be what the principal may see of each of them, as [`Ward::require_field`] says: a
    /// table tells nothing that views do not show.
    ///
    /// Cost: as [`Ward::visible`], and a look at each group where indices have them and they are few, at each
    /// entity that is counted otherwise.
    ///
    /// # Errors
    /// As [`Ward::list`]; and [`Error::is_request`] for a group that the schema does not have or that cannot be
    /// grouped by, more than four groups, a group twice, more than two million lines; for one that the principal may
    /// not see of every entity that is counted.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::{Sample, zone};
    /// use caseward::{ActionName, EntityUid, Group, Query, TypeName, Unit, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// let person = EntityUid::new("User", "u00001");
    /// let cases = Query::new(person, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
    /// let by = [Group::of("status"), Group::period(Unit::Month, "openedAt", &zone())];
    /// let table = ward.count_by(&world, &cases, &by)?;
    /// let all = ward.count(&world, &cases)?;
    /// assert_eq!(table.total().number(), Some(all as u64));
    /// println!("{table}");
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn count_by(&self, world: &World, query: &Query, by: &[Group]) -> Result<Table, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.count_by(world, &Counting::new(query, &context, by))
    }

    /// As [`Ward::count_by`], with counts that tell of nobody: see [`Table::protect`].
    ///
    /// Random rounding asks which records are counted, so that it is to be asked for here.
    ///
    /// # Errors
    /// As [`Ward::count_by`] and [`Table::protect`].
    pub fn count_by_protected(
        &self,
        world: &World,
        query: &Query,
        by: &[Group],
        protection: &Protection,
    ) -> Result<Table, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.count_by_protected(world, &Counting::new(query, &context, by), protection)
    }

    /// What `principal` sees of `resource`: sections with their fields, entries, and the actions to take next.
    ///
    /// This is what may reach the person who asks. A record that they may not know of is answered as one that is
    /// not in the data, to the last byte, and so is an entity that the context names. `context` is as in
    /// [`Ward::actions`]; sections whose actions need more of it than that are withheld.
    ///
    /// # Errors
    /// The same whether or not the record is there: [`Error::is_request`] for a type of which the catalogue shows
    /// nothing, or that no action for such a principal takes, and for a field of another type than an action asks
    /// for; [`Error::is_schema`].
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, ActionQuery, EntityUid, PrincipalQuery, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let now = 1_778_446_800_000;
    /// let case = EntityUid::new("Case", "c0000001");
    ///
    /// let who = PrincipalQuery::new(TypeName::new("User"), ActionName::new("viewSummary"), case.clone()).at(now);
    /// for person in ward.who(&world, &who)?.iter() {
    ///     let view = ward.view(&world, &ActionQuery::new(person, case.clone()).at(now))?;
    ///     let summary = view.section("summary").map_or(&[][..], |section| &section.fields);
    ///     assert!(summary.iter().any(|field| &*field.name == "status" && field.value.is_some()));
    ///     assert!(summary.iter().any(|field| &*field.name == "student.name" && field.content));
    /// }
    /// // Somebody who may not know of it sees what they see of a case that does not exist.
    /// let nobody = EntityUid::new("User", "nobody");
    /// assert!(ward.view(&world, &ActionQuery::new(nobody, case).at(now))?.sections().is_empty());
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn view(&self, world: &World, query: &ActionQuery) -> Result<View, Error> {
        let context =
            self.engine.fields_for(query.principal.type_name(), query.resource.type_name(), &query.context);
        self.engine.view(world, &query.principal, &query.resource, &context)
    }

    /// Refuses, unless `principal` may see the field at the end of `path` of every one of `records`.
    ///
    /// This is the question of every road that sorts, filters or groups records by something: what is at the end of
    /// the path is told along with them, so it must be what [`Ward::view`] shows of each. A field of a record is seen
    /// by whoever may do its section's action; one of what the record refers to, such as `student.yearLevel`, with
    /// the record where the catalogue includes the reference, else as a view of its target shows it. What the
    /// catalogue calls public is seen by everybody, and what stands in no section by nobody. `context` is as in
    /// [`Ward::view`]: where a section's action needs more of it, the section is not seen.
    ///
    /// # Errors
    /// [`Error::is_request`] where the field of one of the records is not seen, which says of which section it is but
    /// not of how many records; for a path that the schema lacks; where the data changed since the records were
    /// found.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, Context, EntityUid, Query, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// let now = Context::at(1_778_446_800_000);
    /// // National contracts sees the header of every case, and no more of it.
    /// let person = EntityUid::new("User", "u00001");
    /// let query = Query::new(person.clone(), ActionName::new("viewSummary"), TypeName::new("Case"));
    /// let cases = ward.visible(&world, &query.in_context(now.clone()))?;
    /// ward.require_field(&world, &person, &cases, "status", &now)?;
    /// let refused = ward.require_field(&world, &person, &cases, "prosecutionNotified", &now);
    /// assert!(refused.is_err_and(|error| error.is_request()));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn require_field(
        &self,
        world: &World,
        principal: &EntityUid,
        records: &Visible,
        path: &str,
        context: &Context,
    ) -> Result<(), Error> {
        let ty = self.schema().entity_type(records.type_id()).map_or("", |ty| ty.name.as_ref());
        let context = self.engine.fields_for(principal.type_name(), ty, context);
        self.engine.require_field(world, principal, records, path, &context)
    }

    /// The records of `type_name` that `principal` may know of, and those of which a view of the person shows each of
    /// `fields`: for whoever redacts many records at once.
    ///
    /// A field is named as `status`, `Case.status`, `student.yearLevel` or `Student.yearLevel`; content that no rule
    /// reads, such as `student.dateOfBirth`, is a field too. `context` is as in [`Ward::view`].
    ///
    /// # Errors
    /// [`Error::is_request`] for a type or a field that the schema and the catalogue lack, and for a field that stands
    /// in no section, which nobody may see.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{Context, EntityUid, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// // National contracts sees the header of every case, and no personal details.
    /// let person = EntityUid::new("User", "u00001");
    /// let fields = ["status", "student.dateOfBirth"];
    /// let seen = ward.seen(&world, &person, &TypeName::new("Case"), &fields, &Context::at(1_778_446_800_000))?;
    /// assert_eq!((seen.fields[0].len(), seen.fields[1].len()), (seen.known.len(), 0));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn seen(
        &self,
        world: &World,
        principal: &EntityUid,
        type_name: &TypeName,
        fields: &[&str],
        context: &Context,
    ) -> Result<Seen, Error> {
        let context = self.engine.fields_for(principal.type_name(), type_name, context);
        self.engine.seen(world, (principal, type_name), fields, &context)
    }

    /// The entities of type `principal_type` that are to be told of what happens to `resource`.
    ///
    /// Those who may do the action that the catalogue names for alerts; whatever the policies, nobody who may not
    /// see what it names beside that, and, where the event is about an entry of the record, nobody who may not see
    /// the entry.
    ///
    /// # Errors
    /// As [`Ward::who`]; and [`Error::is_request`] for a type of which the catalogue tells nobody, and for an entry
    /// of a type that is none of the record's.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, AlertQuery, EntityUid, PrincipalQuery, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let now = 1_778_446_800_000;
    /// let case = EntityUid::new("Case", "c0000001");
    ///
    /// let users = TypeName::new("User");
    /// let told = ward.alert(&world, &AlertQuery::new(users.clone(), case.clone()).at(now))?;
    /// let may_see = PrincipalQuery::new(users, ActionName::new("viewSummary"), case).at(now);
    /// let may_see = ward.who(&world, &may_see)?;
    /// assert!(told.iter().all(|person| may_see.contains(&person)));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn alert(&self, world: &World, query: &AlertQuery) -> Result<Visible, Error> {
        let context =
            self.engine.fields_for(&query.principal_type, query.resource.type_name(), &query.context);
        let AlertQuery { principal_type, resource, entry, .. } = query;
        self.engine.alert(world, resource, entry.as_ref(), principal_type, &context)
    }

    /// The content that the catalogue names for a type, which no rule reads: each field with its section, in the order of
    /// the sections.
    ///
    /// # Example
    /// ```
    /// let ward = caseward::Ward::attendance()?;
    /// let all = ward.content("Item");
    /// assert!(all.iter().any(|(field, section)| (&**field, &**section) == ("text", "content")));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn content(&self, type_name: &str) -> Vec<(Arc<str>, Arc<str>)> {
        self.engine.fields_of(type_name, false)
    }

    /// The attributes and the content of a type that stand in a section of the catalogue: each field with its section, in
    /// the order of the sections.
    pub fn fields(&self, type_name: &str) -> Vec<(Arc<str>, Arc<str>)> {
        self.engine.fields_of(type_name, true)
    }

    /// What an explanation may show to whom: an attribute, to whoever may see the section that it is in.
    ///
    /// For [`Ward::viewer`]. The catalogue says besides what is public and which action unlocks everything. Of a type
    /// that it does not name, and of one for which it names neither `known_by` nor `public`, nobody may know.
    ///
    /// # Errors
    /// [`Error::is_request`] for policies without a catalogue of fields.
    pub fn disclosure(&self) -> Result<Disclosure, Error> {
        self.engine.disclosure()
    }

    /// Answers a request and says why, and what would turn it. For trusted callers.
    ///
    /// The change has three edits at most, each of one attribute of the principal, the resource, the context or
    /// what these lead to; never of the clock (`now`, a datetime of the context) nor of what an entity lies in, never
    /// one by which somebody comes to be of a team that a policy names, and never of what the catalogue says that
    /// others set (`set_by`): where the decision hangs on that, it is [`Turn::Kept`](crate::Turn::Kept).
    /// The search stops after some thousands of evaluations. Cost: some hundred microseconds, and some milliseconds
    /// where the change is far to seek; for a denial that of [`Ward::who`] besides.
    ///
    /// # Errors
    /// As [`Ward::check`].
    ///
    /// # Example
    /// ```
    /// use caseward::{ActionName, EntityUid, Request, Source, Sources, Ward};
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
    /// let request = Request::new(user, ActionName::new("read"), note);
    /// let why = ward.explain(&world, &request)?;
    /// assert_eq!(why.nearest[0].conditions[0].found, Some("is not equal to"));
    /// assert_eq!(why.turn.edits()[0].to_string(), r#"set `team` of Note::"n", now "blue", to "red""#);
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn explain(&self, world: &World, request: &Request) -> Result<Explanation, Error> {
        self.engine.explain(world, &*self.engine.settled(request)?)
    }

    /// As [`Ward::explain`], for someone who may see no more than `sight` lets them.
    ///
    /// Values, how conditions came out, policies whose part in the decision tells that, and changes that would tell
    /// of it are withheld; what policies say is public. A principal, a resource or an entity of the context that the
    /// viewer may not know of is explained exactly as an absent one ([`Fault::Unseen`](crate::Fault::Unseen)). [`Ward::viewer`] makes a
    /// sight of [`Ward::disclosure`].
    ///
    /// What is decided of somebody else than the viewer is told only to whoever may see who may do what to the record
    /// ([`Sight::may_see_who`]): whether others may do something can follow from one fact, which the verdict would tell.
    ///
    /// # Errors
    /// As [`Ward::check`]; and [`Error::is_request`] for another principal than the viewer where they may not see who
    /// may do what: the same error whatever the record is, whether it is there, and however it is decided.
    pub fn explain_for(
        &self,
        world: &World,
        request: &Request,
        sight: &dyn Sight,
    ) -> Result<Explanation, Error> {
        self.engine.explain_for(world, &*self.engine.settled(request)?, sight)
    }

    /// What `who` may see of the facts behind `request`, as `disclosure` has it. A person who is not in the data
    /// sees nothing.
    ///
    /// Where `who` is not the principal of `request`, [`Ward::explain_for`] tells them of it only if they may do to the
    /// record, which must be there, what `unlocks` names for its type.
    ///
    /// The actions of `disclosure` are asked with what the request's context gives them, but for fields that name an
    /// entity of which the viewer may not know: one that needs more than that is not allowed.
    ///
    /// # Errors
    /// [`Error::is_request`] for actions, types and attributes in `disclosure` that the schema lacks;
    /// [`Error::is_schema`].
    pub fn viewer<'a>(
        &'a self,
        world: &'a World,
        who: &EntityUid,
        request: &Request,
        disclosure: &'a Disclosure,
    ) -> Result<Viewer<'a>, Error> {
        self.engine.viewer(world, who, &*self.engine.settled(request)?, disclosure)
    }

    /// The condition on rows of the user's own tables under which `principal` may do `action` to the entity that
    /// a row holds.
    ///
    /// What the principal has and what the context says is looked at now; everything else the database looks
    /// at when it runs the filter. A principal who is not in the data sees nothing. See [the module's page](crate::sql).
    ///
    /// # Errors
    /// As [`Ward::list`]; [`Error::is_untranslatable`] where a policy asks what the dialect cannot answer
    /// exactly or the mapping has no place for: it names the policy and the place in its text.
    ///
    /// # Example
    /// ```
    /// use caseward::sql::{Database, Dialect, Mapping};
    /// use caseward::{ActionName, EntityUid, Query, TypeName, Ward, WorldBuilder};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = WorldBuilder::new(ward.schema()).finish()?;
    /// let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Postgres)?;
    ///
    /// let nobody = EntityUid::new("User", "nobody");
    /// let cases = Query::new(nobody, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
    /// let filter = ward.filter(&world, &cases, &database)?;
    /// assert_eq!(filter.sql, "FALSE");
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn filter(&self, world: &World, query: &Query, database: &Database) -> Result<Filter, Error> {
        self.filter_with(world, query, database, &FilterOptions::default())
    }

    /// As [`Ward::filter`], for a query that has parameters of its own, calls the row otherwise, or goes through a driver
    /// that writes parameters in its own way.
    ///
    /// # Errors
    /// As [`Ward::filter`]; [`Error::is_request`] for options that no query can have.
    ///
    /// # Example
    /// ```
    /// use caseward::sql::{Database, Dialect, FilterOptions, Mapping, ParameterStyle};
    /// use caseward::{ActionName, EntityUid, Query, TypeName, Ward, WorldBuilder};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = WorldBuilder::new(ward.schema()).finish()?;
    /// let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Postgres)?;
    ///
    /// let nobody = EntityUid::new("User", "nobody");
    /// let cases = Query::new(nobody, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
    /// // … FROM "case" AS c WHERE c."opened_at" > $1 AND c."school" = $2 AND …
    /// let options = FilterOptions::default().first_parameter(3).alias("c");
    /// let filter = ward.filter_with(&world, &cases, &database, &options)?;
    /// assert_eq!(filter.sql, "FALSE");
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn filter_with(
        &self,
        world: &World,
        query: &Query,
        database: &Database,
        options: &FilterOptions,
    ) -> Result<Filter, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.filter_with(
            world,
            &query.principal,
            &query.action,
            &query.resource_type,
            &context,
            (database, options),
        )
    }

    /// Reads a batch of changes from JSON: a list with an object a change, values in Cedar's JSON.
    ///
    /// | a change | what |
    /// |---|---|
    /// | `{"put": {"uid": …, "attrs": {…}, "parents": […], "tags": {…}}}` | [`Changes::put_whole`]; all but `uid` may be left out |
    /// | `{"set": {"uid": …, "name": …, "value": …}}` | [`Changes::set`] |
    /// | `{"unset": {"uid": …, "name": …}}` | [`Changes::unset`] |
    /// | `{"set_parents": {"uid": …, "parents": […]}}` | [`Changes::set_parents`] |
    /// | `{"set_tag": {"uid": …, "name": …, "value": …}}` | [`Changes::set_tag`] |
    /// | `{"unset_tag": {"uid": …, "name": …}}` | [`Changes::unset_tag`] |
    /// | `{"remove": {"uid": …}}` | [`Changes::remove`] |
    ///
    /// A `uid` is `{"type": "Case", "id": "c1"}` or `"Case::\"c1\""`. What no world of the schema could take is
    /// refused here, the rest by [`World::apply`](crate::World::apply).
    ///
    /// # Errors
    /// [`Error::is_data`], with every problem.
    ///
    /// # Example
    /// ```
    /// use caseward::{Ward, WorldBuilder};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = WorldBuilder::new(ward.schema()).finish()?;
    /// let json = r#"[{"put": {"uid": {"type": "School", "id": "northcote"}, "attrs": {"kind": "state"}}}]"#;
    /// assert_eq!(world.apply(&ward.read_changes(json)?)?, 2);
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn read_changes(&self, json: &str) -> Result<Changes, Error> {
        world::json::read_changes(self.schema(), EntityParser::new(&self.engine.loaded.cedar_schema), json)
    }
}
