//! Views: what they show, and that what they do not show looks like nothing.

use std::collections::{BTreeMap, HashMap};

use caseward::ActionName;
use caseward::Context;
use caseward::attendance::{CaseEvent, Sample};
use caseward::testing::asks::{about, alerted, who_may};
use caseward::testing::{Choices, Facts, bytes};
use caseward::{EntityUid, Field, Request, Source, Sources, Value, View, Ward, World, WorldBuilder};

use serde_json::Value as Json;

use crate::support::{ATTENDANCE, CLINIC, NOW, at, number};

/// For each type, the actions of which one is enough to know that a record is there.
const KNOWN_BY: [(&str, &[&str]); 8] = [
    ("Case", &["viewSummary", "viewAccessHistory"]),
    ("Request", &["viewSummary", "viewAccessHistory"]),
    ("Item", &["viewItem", "viewAccessHistory"]),
    (
        "Student",
        &[
            "viewAttendancePattern",
            "exportPersonalInformation",
            "correctPersonalInformation",
            "viewAccessHistory",
        ],
    ),
    ("User", &["exportPersonalInformation", "correctPersonalInformation", "viewAccessHistory"]),
    ("School", &["viewStaffAccess", "viewEmergencyRoll"]),
    ("Register", &["viewRegister"]),
    ("Report", &["viewReport"]),
];

fn worlds(count: u64) -> impl Iterator<Item = (Facts, World)> {
    let (seed, times) = (number("CASEWARD_SEED").unwrap_or(1), number("CASEWARD_CASES").unwrap_or(1));
    (0..count * u64::from(times)).map(move |n| {
        let bytes = bytes(u64::from(seed) << 32 | n, 6_000);
        let facts = Facts::sized(&ATTENDANCE, &mut Choices::new(&bytes), 1, 4);
        let world = facts.build().unwrap();
        (facts, world)
    })
}

fn may(ward: &Ward, world: &World, who: &EntityUid, action: &str, what: &EntityUid) -> bool {
    let request = Request::new(who.clone(), ActionName::new(action), what.clone()).in_context(at(NOW));
    ward.check(world, &request).unwrap().is_allowed()
}

fn json(view: &View) -> String {
    serde_json::to_string(view).unwrap()
}

/// Every user with every record of a type that is viewed.
fn pairs<'w>(world: &'w World) -> impl Iterator<Item = (EntityUid, EntityUid, &'static [&'static str])> + 'w {
    KNOWN_BY.into_iter().flat_map(move |(ty, known_by)| {
        world.ids(ty).unwrap().flat_map(move |id| {
            world
                .ids("User")
                .unwrap()
                .map(move |user| (EntityUid::new("User", user), EntityUid::new(ty, id), known_by))
        })
    })
}

#[test]
fn a_record_that_nobody_told_you_of_is_a_record_that_is_not_there() {
    let (mut unknown, mut removed) = (0, 0);
    for (facts, world) in worlds(60) {
        for (user, record, known_by) in pairs(&world) {
            if known_by.iter().any(|action| may(&ATTENDANCE, &world, &user, action, &record)) {
                continue;
            }
            let view = ATTENDANCE.view(&world, &about(&user, &record, &at(NOW))).unwrap();
            assert!(view.sections().is_empty() && view.withheld().is_empty());
            assert!(view.items().is_empty() && view.actions().is_empty());
            // One of that type that never was: the same, but for the id that was asked for.
            let never = EntityUid::new(record.type_name(), "never there");
            let absent = ATTENDANCE.view(&world, &about(&user, &never, &at(NOW))).unwrap();
            let id = |uid: &EntityUid| serde_json::to_string(uid).unwrap();
            assert_eq!(json(&view), json(&absent).replace(&id(&never), &id(&record)));
            unknown += 1;
            // The same id, in a world without it: the same bytes.
            let mut without = facts.clone();
            without.remove(&record);
            if user != record
                && let Ok(without) = without.build()
            {
                let absent = ATTENDANCE.view(&without, &about(&user, &record, &at(NOW))).unwrap();
                assert_eq!(json(&view), json(&absent));
                removed += 1;
            }
            // What is wrong with a question is told in the same words.
            let nonsense = Context::from([("now", Value::Long(1))]);
            let errors = [&record, &never]
                .map(|uid| ATTENDANCE.view(&world, &about(&user, uid, &nonsense)).unwrap_err().to_string());
            assert_eq!(errors[0], errors[1]);
        }
    }
    assert!(unknown > 1_000 && removed > 200, "{unknown} unknown, {removed} removed");
}

/// Content stands in the fields of content that a view shows, and in no other; all else is as it was.
fn compare_content(view: &View) {
    let said = |(of, name): &(EntityUid, String)| Json::from(format!("the {name} of {of}"));
    let held: HashMap<_, _> = view.content().map(Field::key).map(|key| (key.clone(), said(&key))).collect();
    let mut filled = view.to_json(&held).unwrap();
    let (sections, items) =
        filled.as_object_mut().unwrap().iter_mut().fold((None, None), |found, (key, json)| {
            match key.as_str() {
                "sections" => (Some(json), found.1),
                "items" => (found.0, Some(json)),
                _ => found,
            }
        });
    let entries = items.unwrap().as_array_mut().unwrap().iter_mut().map(|item| &mut item["sections"]);
    let mut found = 0;
    for section in sections.into_iter().chain(entries).flat_map(|all| all.as_array_mut().unwrap()) {
        for field in section["fields"].as_array_mut().unwrap() {
            if field["content"] == true {
                let name = field["name"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
                let key = (field["of"].as_str().unwrap().parse().unwrap(), name);
                assert_eq!(field["value"].take(), said(&key));
                found += 1;
            }
        }
    }
    assert_eq!(found, view.content().count());
    assert_eq!(filled, serde_json::to_value(view).unwrap());
}

/// Within what somebody else sees, a view shows what both see: no more than either.
fn compare_within(world: &World, view: &View) {
    assert_eq!(view.clone().within(view), *view);
    for other in
        ["User", "Student"].into_iter().flat_map(|ty| world.ids(ty).unwrap().take(3).map(move |id| (ty, id)))
    {
        let Ok(other) =
            ATTENDANCE.view(world, &about(&EntityUid::new(other.0, other.1), view.resource(), &at(NOW)))
        else {
            continue;
        };
        let both = view.clone().within(&other);
        let names =
            |view: &View| view.sections().iter().map(|section| section.name.clone()).collect::<Vec<_>>();
        let expected: Vec<_> = names(view).into_iter().filter(|name| names(&other).contains(name)).collect();
        assert_eq!(names(&both), if other.is_nothing() { vec![] } else { expected });
        let items = |view: &View| view.items().iter().map(|item| item.resource.clone()).collect::<Vec<_>>();
        let expected: Vec<_> = items(view).into_iter().filter(|item| items(&other).contains(item)).collect();
        assert_eq!(items(&both), expected);
        assert!(
            both.told().all(|uid| view.told().any(|one| one == uid) && other.told().any(|one| one == uid))
        );
        assert!(both.actions().iter().all(|next| view.actions().contains(next)));
        assert_eq!(both.is_nothing(), other.is_nothing());
    }
}

/// Compares a view of a record that the person knows of with checks of everything in it.
fn compare(world: &World, user: &EntityUid, record: &EntityUid, seen: &mut BTreeMap<String, usize>) {
    let view = ATTENDANCE.view(world, &about(user, record, &at(NOW))).unwrap();
    let catalogue: toml::Table = toml::from_str(caseward_policies::CATALOGUE).unwrap();
    let of = |ty: &str| catalogue[ty]["sections"].as_table().unwrap().clone();
    let compare = |sections: &[caseward::Section], withheld: &[std::sync::Arc<str>], record: &EntityUid| {
        for (name, action) in of(record.type_name()) {
            let section = sections.iter().find(|section| *section.name == *name);
            assert_eq!(
                section.is_some(),
                may(&ATTENDANCE, world, user, action.as_str().unwrap(), record),
                "{name}"
            );
            assert_eq!(section.is_none(), withheld.iter().any(|withheld| **withheld == *name));
        }
        for field in sections.iter().flat_map(|section| &section.fields) {
            let name = field.name.rsplit('.').next().unwrap();
            // Content is kept by the service: the schema may have no attribute of that name.
            let value = if field.content { None } else { world.attribute(&field.of, name).unwrap() };
            assert_eq!(field.value, value, "{}", field.name);
        }
    };
    compare(view.sections(), view.withheld(), record);
    compare_content(&view);
    compare_within(world, &view);
    let items = |item: &EntityUid| {
        world.attribute(item, "case").unwrap() == Some(Value::Entity(record.clone()))
            && may(&ATTENDANCE, world, user, "viewItem", item)
    };
    let expected: Vec<EntityUid> =
        world.ids("Item").unwrap().map(|id| EntityUid::new("Item", id)).filter(items).collect();
    assert!(view.items().iter().map(|item| &item.resource).eq(&expected));
    for item in view.items() {
        compare(&item.sections, &item.withheld, &item.resource);
    }
    for next in view.actions() {
        assert!(!next.action.starts_with("view") && &*next.action != "receiveAlert");
        if next.needs.is_empty() {
            assert!(may(&ATTENDANCE, world, user, &next.action, record));
        }
        *seen.entry("actions".into()).or_default() += 1;
    }
    for section in view.sections() {
        *seen.entry(format!("{}.{}", record.type_name(), section.name)).or_default() += 1;
    }
    *seen.entry("items".into()).or_default() += view.items().len();
}

#[test]
fn a_view_shows_what_checks_allow_and_nothing_else() {
    let mut seen = BTreeMap::new();
    for (_, world) in worlds(60) {
        for (user, record, known_by) in pairs(&world) {
            if known_by.iter().any(|action| may(&ATTENDANCE, &world, &user, action, &record)) {
                compare(&world, &user, &record, &mut seen);
            }
        }
    }
    let world = Sample { cases: 60, seed: 5 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    for (ty, actions) in KNOWN_BY {
        for id in world.ids(ty).unwrap().step_by(7) {
            let record = EntityUid::new(ty, id);
            for action in actions {
                for user in
                    ATTENDANCE.who(&world, &who_may(action, &record, "User", &at(NOW))).unwrap().iter()
                {
                    compare(&world, &user, &record, &mut seen);
                }
            }
        }
    }
    for section in
        ["Case.plan", "Case.personal", "Case.history", "Request.request", "Student.pattern", "items"]
    {
        assert!(seen.get(section).is_some_and(|count| *count > 0), "{section}: {seen:?}");
    }
}

#[test]
fn the_schema_is_the_contract_with_sections() {
    let contract = include_str!("../vocabulary.cedarschema");
    let is_section = |line: &&str| line.trim_start().starts_with("@section(");
    // Every line of the contract, in its order; what is added says more, and names nothing.
    let mut wanted = contract.lines().peekable();
    for line in caseward_policies::SCHEMA.lines().filter(|line| !is_section(line)) {
        if wanted.next_if_eq(&line).is_none() {
            assert!(
                line.trim_start().starts_with("//"),
                "{line}: it is not the contract's {:?}",
                wanted.peek()
            );
        }
    }
    assert_eq!(wanted.next(), None);
    let of = |text: &str| {
        let sources = Sources { schema: Source::new("schema", text), policies: Vec::new(), catalogue: None };
        Ward::new(&sources).unwrap().schema().clone()
    };
    assert_eq!(of(contract), *ATTENDANCE.schema());
    let attributes: usize = ATTENDANCE.schema().entity_types().iter().map(|ty| ty.attributes.len()).sum();
    assert_eq!(caseward_policies::SCHEMA.lines().filter(is_section).count(), attributes);
}

/// What the privacy statement says is collected, with the field that holds it and its section. Those of the schema
/// stand there.
const COLLECTED: &[(&str, &str, &str, &str)] = &[
    ("name", "Student", "name", "summary"),
    ("name of a parent", "Student", "caregiverNames", "personal"),
    ("name of staff", "User", "name", "access"),
    ("role", "User", "role", "access"),
    ("date of birth", "Student", "dateOfBirth", "personal"),
    ("gender", "Student", "gender", "personal"),
    ("ethnicity", "Student", "ethnicity", "personal"),
    ("iwi", "Student", "iwi", "personal"),
    ("home address", "Student", "homeAddress", "demographics"),
    ("languages spoken", "Student", "languagesSpoken", "personal"),
    ("date and time of attendance", "Student", "attendanceTimes", "attendance"),
    ("attendance codes", "Student", "attendanceCodes", "attendance"),
    ("attendance eligibility status", "Student", "attendanceEligibilityStatus", "attendance"),
    ("enrolment status", "Student", "enrolmentStatus", "demographics"),
    ("student type", "Student", "studentType", "personal"),
    ("leaving reason", "Student", "leavingReasons", "personal"),
    ("Individual Education Plans", "Student", "individualEducationPlans", "personal"),
    ("previous interventions", "Student", "previousInterventions", "personal"),
    ("medical information", "Student", "medicalInformation", "personal"),
    ("reason for request for support", "Case", "reasonForRequest", "record"),
    ("reason for request for support", "Request", "reasonForRequest", "request"),
    ("attendance actions taken to date", "Case", "attendanceActionsToDate", "record"),
    ("attendance actions taken to date", "Request", "attendanceActionsToDate", "request"),
    ("documents", "Item", "document", "content"),
    ("messages", "Item", "message", "content"),
    ("emails", "Item", "email", "content"),
    ("screenshots", "Item", "screenshot", "content"),
    ("audio", "Item", "audio", "content"),
    ("video", "Item", "video", "content"),
    ("calendar entries", "Item", "calendarEntry", "content"),
    ("notes", "Item", "text", "content"),
    ("contextual information", "Case", "contextualInformation", "record"),
    ("phone number", "Student", "caregiverPhoneNumbers", "personal"),
    ("email address", "Student", "caregiverEmailAddresses", "personal"),
    ("home address of parents", "Student", "caregiverHomeAddresses", "personal"),
    ("relationship to student", "Student", "caregiverRelationships", "personal"),
    ("languages spoken by parents", "Student", "caregiverLanguagesSpoken", "personal"),
    ("the detailed support plan", "Case", "supportPlan", "plan"),
];

#[test]
fn all_that_is_collected_has_its_section() {
    let catalogue: toml::Table = toml::from_str(caseward_policies::CATALOGUE).unwrap();
    for (what, ty, field, section) in COLLECTED {
        let found = catalogue[*ty]["content"].get(field).and_then(toml::Value::as_str);
        assert_eq!(found, Some(*section), "{what}: {field} of {ty}");
    }
    for (ty, attribute, section) in [
        ("Student", "nsn", "personal"),
        ("Student", "enrolledAt", "demographics"),
        ("Student", "lastSchool", "demographics"),
        ("Student", "yearLevel", "personal"),
    ] {
        let entity = caseward_policies::SCHEMA.split(&format!("entity {ty} = {{")).nth(1).unwrap();
        let (before, _) = entity.split_once(&format!("  {attribute}")).unwrap();
        assert!(before.trim_end().ends_with(&format!("@section(\"{section}\")")), "{attribute}");
    }
}

const SCHEMA: &str = r#"
    entity User;
    entity Doc = { @section("head") title: String, @section("body") author: User, size?: Long };
    entity Note = { doc: Doc };
    action see, read, tell appliesTo { principal: User, resource: Doc };
    action look appliesTo { principal: User, resource: Note };
"#;

fn with(schema: &str, catalogue: &str) -> Result<Ward, caseward::Error> {
    let text = "@id(\"all\") permit (principal, action, resource) unless { action == Action::\"see\" };";
    Ward::new(&Sources {
        schema: Source::new("schema", schema),
        policies: vec![Source::new("policies", text)],
        catalogue: Some(Source::new("fields.toml", catalogue)),
    })
}

const DOC: &str = "[Doc]\nknown_by = [\"read\"]\n[Doc.sections]\nhead = \"read\"\nbody = \"read\"\n";

#[test]
fn a_catalogue_names_what_there_is() {
    for (catalogue, why) in [
        ("[Dok]\n", "the schema has no entity type `Dok`; did you mean `Doc`?"),
        ("[Doc]\nknown_by = [\"raed\"]", "no action `raed`; did you mean `read`?"),
        ("[Doc]\nknown_by = [\"look\"]", "takes no resource of type `Doc`"),
        ("[Doc]\nincludes = [\"autor\"]", "`Doc` has no attribute `autor`; did you mean `author`?"),
        ("[Doc]\nincludes = [\"title\"]", "`title` of `Doc` refers to no entity"),
        ("[Doc]\nincludes = [\"author\", \"author\"]", "`author` is included twice"),
        (
            "[Doc.content]\ntext = \"bdy\"\n[Doc.sections]\nbody = \"read\"",
            "a section `bdy` of `Doc`; did you mean `body`?",
        ),
        (
            "[Doc.content]\ntitle = \"head\"\n[Doc.sections]\nhead = \"read\"",
            "`title` is an attribute of `Doc` too",
        ),
        ("[Doc.content]\ntext = \"head\"\ntext = \"body\"", "duplicate key"),
        (
            "[Doc.sections]\nhed = \"read\"",
            "`title` of `Doc` is in a section `head`, which nothing shows; did you mean `hed`?",
        ),
        (
            "[Doc]\nitems = [{ type = \"Note\", by = \"dok\", action = \"look\" }]",
            "`Note` has no attribute `dok`; did you mean `doc`?",
        ),
        (
            "[Doc]\nitems = [{ type = \"Nte\", by = \"doc\", action = \"look\" }]",
            "`Nte`; did you mean `Note`?",
        ),
        (
            "[Doc]\nitems = [{ type = \"Doc\", by = \"author\", action = \"look\" }]",
            "does not refer to `Doc`",
        ),
        (
            "[Doc]\nitems = [{ type = \"Note\", by = \"doc\", action = \"read\" }]",
            "takes no resource of type `Note`",
        ),
        ("[Doc]\nalert = { action = \"tel\", sees = \"see\" }", "no action `tel`; did you mean `tell`?"),
        ("[Doc]\nknown = []", "unknown field `known`"),
        ("[Doc.set_by]\nautor = \"x\"", "`Doc` has no attribute `autor`; did you mean `author`?"),
        ("[Doc.transforms]\ntitel = [\"hash\"]", "`Doc` has no field `titel`; did you mean `title`?"),
        ("[Doc.transforms]\nsize = [\"hash\"]", "`size` of `Doc` is in no section, so that nobody sees it"),
        ("[Doc.transforms]\ntitle = []", "`title` is to have a transform at least, or no entry"),
        (
            "[Doc.transforms]\ntitle = [\"hsh\"]",
            "`hsh` is no transform of a field: write one of `year`, `first part`, `last part`, `hash`",
        ),
        ("[Doc.transforms]\ntitle = [\"hash\", \"hash\"]", "`title` has the transform `hash` twice"),
        ("[Doc.transforms]\ntitle = [\"year\"]", "`year` is made of a datetime, and `title` holds String"),
        (
            "[Doc.transforms]\nauthor = [\"first part\"]",
            "`first part` is made of a String, and `author` holds User",
        ),
        ("[Doc.set_by]\nauthor = \" \"", "who sets `author` is to be said in a line of 1 to 120 characters"),
        ("[Doc", "fields.toml"),
    ] {
        let error = with(SCHEMA, catalogue).unwrap_err();
        assert!(error.is_policies(), "{error}");
        let told: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|problem| problem.contains(why)), "{catalogue}: {told:?}");
    }
    let error = with(SCHEMA, &format!("{DOC}{}", " ".repeat(1 << 20))).unwrap_err();
    assert!(error.to_string().contains("bytes, more than"), "{error}");
}

#[test]
fn the_catalogue_is_part_of_what_answers_are_made_from() {
    let hash = |catalogue: &str| with(SCHEMA, catalogue).unwrap().policy_hash().clone();
    assert_ne!(hash(DOC), hash(&format!("{DOC}[Doc.content]\ntext = \"body\"\n")));
    assert_eq!(hash(DOC), hash(DOC));
}

/// A document, a note on it and somebody.
fn documents(ward: &Ward) -> (World, EntityUid, EntityUid) {
    let (user, doc) = (EntityUid::new("User", "u"), EntityUid::new("Doc", "d"));
    let mut builder = WorldBuilder::new(ward.schema());
    builder.add(&user, []);
    builder.add(&doc, [("title", "t".into()), ("author", user.clone().into()), ("size", 7.into())]);
    builder.add(&EntityUid::new("Note", "n"), [("doc", doc.clone().into())]);
    (builder.finish().unwrap(), user, doc)
}

#[test]
fn what_stands_in_no_section_is_never_shown() {
    let ward = with(SCHEMA, DOC).unwrap();
    let (world, user, doc) = documents(&ward);
    let view = ward.view(&world, &about(&user, &doc, &BTreeMap::new())).unwrap();
    let names: Vec<&str> =
        view.sections().iter().flat_map(|section| &section.fields).map(|field| &*field.name).collect();
    assert_eq!(names, ["title", "author"]);
    // Nobody may see: that is not among what can be done next.
    assert_eq!(view.actions().iter().map(|next| &*next.action).collect::<Vec<_>>(), ["tell"]);
    let error = ward.view(&world, &about(&user, &EntityUid::new("Note", "n"), &BTreeMap::new())).unwrap_err();
    assert!(error.is_request() && error.to_string().contains("shows nothing of a `Note`"), "{error}");
    let bare =
        Ward::new(&Sources { schema: Source::new("s", SCHEMA), policies: Vec::new(), catalogue: None })
            .unwrap();
    let error = bare.view(&world, &about(&user, &doc, &BTreeMap::new())).unwrap_err();
    assert!(error.to_string().contains("no catalogue"), "{error}");
    let error = ward.view(&world, &about(&doc, &doc, &BTreeMap::new())).unwrap_err();
    assert!(error.to_string().contains("takes no principal of type `Doc`"), "{error}");
}

#[test]
fn nobody_is_told_of_what_they_may_not_see() {
    let at = BTreeMap::new();
    // Everybody may be told, and nobody may see.
    let ward = with(SCHEMA, &format!("{DOC}[Doc.alert]\naction = \"tell\"\nsees = \"see\"\n")).unwrap();
    let (world, user, doc) = documents(&ward);
    assert!(ward.who(&world, &who_may("tell", &doc, "User", &at)).unwrap().contains(&user));
    assert!(ward.alert(&world, &alerted(&doc, None, "User", &at)).unwrap().is_empty());
    // Whoever may read is told; of a note, where it is there and of the document.
    let items = "items = [{ type = \"Note\", by = \"doc\", action = \"look\" }]\n";
    let catalogue = DOC.replace(
        "[Doc.sections]",
        &format!("{items}alert = {{ action = \"tell\", sees = \"read\" }}\n[Doc.sections]"),
    );
    let ward = with(SCHEMA, &catalogue).unwrap();
    let told = |entry: Option<&EntityUid>, doc: &EntityUid| {
        ward.alert(&world, &alerted(doc, entry, "User", &at)).unwrap().len()
    };
    let (note, none) = (EntityUid::new("Note", "n"), EntityUid::new("Note", "none"));
    assert_eq!((told(None, &doc), told(Some(&note), &doc), told(Some(&none), &doc)), (1, 1, 0));
    assert_eq!(told(None, &EntityUid::new("Doc", "none")), 0);
    let error = ward.alert(&world, &alerted(&doc, Some(&user), "User", &at)).unwrap_err();
    assert!(error.to_string().contains("a `Doc` has no entries of type `User`"), "{error}");
    let error = ward.alert(&world, &alerted(&note, None, "User", &at)).unwrap_err();
    assert!(error.is_request(), "{error}");
}

#[test]
fn events_are_told_to_those_who_may_see_the_case_and_the_item() {
    let world = Sample { cases: 150, seed: 2 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let (mut told, mut kept_back) = (0, 0);
    for item in world.ids("Item").unwrap().step_by(3) {
        let uid = EntityUid::new("Item", item);
        let Some(Value::Entity(case)) = world.attribute(&uid, "case").unwrap() else { panic!("{uid}") };
        let events =
            [(CaseEvent::CommentAdded { item: item.to_owned() }, true), (CaseEvent::SchoolChanged, false)];
        let found = events.map(|(event, of_item)| {
            let found = event.told(&ATTENDANCE, &world, case.id(), NOW).unwrap();
            for user in world.ids("User").unwrap() {
                let user = EntityUid::new("User", user);
                let expected = may(&ATTENDANCE, &world, &user, "receiveAlert", &case)
                    && may(&ATTENDANCE, &world, &user, "viewSummary", &case)
                    && (!of_item || may(&ATTENDANCE, &world, &user, "viewItem", &uid));
                assert_eq!(found.contains(&user), expected, "{event:?} {user}");
            }
            found.len()
        });
        told += found[1];
        kept_back += found[1] - found[0];
    }
    assert!(told > 100 && kept_back > 10, "{told} {kept_back}");
    let json = r#"{"event":"fileUploaded","item":"i1"}"#;
    let event: CaseEvent = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), json);
}

#[test]
fn records_of_a_clinic_are_shown_with_their_owners() {
    let mut shown = 0;
    for seed in 0..60 {
        let bytes = bytes(seed, 3_000);
        let mut choices = Choices::new(&bytes);
        let facts = Facts::sized(&CLINIC, &mut choices, 2, 5);
        let Ok(world) = facts.build() else { continue };
        let read = CLINIC.schema().action("read").unwrap();
        let context = facts.record(&CLINIC, &mut choices, &read.context);
        for staff in world.ids("Clinic::Staff").unwrap().map(|id| EntityUid::new("Clinic::Staff", id)) {
            for record in world.ids("Clinic::Record").unwrap().map(|id| EntityUid::new("Clinic::Record", id))
            {
                let check = |action: &str| {
                    let request = Request::new(staff.clone(), ActionName::new(action), record.clone())
                        .in_context(context.clone());
                    CLINIC.check(&world, &request).unwrap().is_allowed()
                };
                let view = CLINIC.view(&world, &about(&staff, &record, &context)).unwrap();
                assert_eq!(view.section("open").is_some(), check("read"));
                assert_eq!(view.section("changeable").is_some(), check("read") && check("write"));
                let Some(open) = view.section("open") else { continue };
                let names: Vec<&str> = open.fields.iter().map(|field| &*field.name).collect();
                assert_eq!(
                    names,
                    ["label", "limits", "owner", "weight", "notes", "owner.level", "owner.name"]
                );
                shown += 1;
            }
        }
    }
    assert!(shown > 20, "{shown}");
}

/// Whether JSON is as a JSON Schema has it, as far as names go: no field that it lacks, none of its own missing.
#[cfg(feature = "schemars")]
fn fits(json: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    if let Some(Json::String(reference)) = schema.get("$ref") {
        let path = reference.trim_start_matches('#');
        return root.pointer(path).is_some_and(|schema| fits(json, schema, root));
    }
    match json {
        Json::Object(fields) => match schema.get("properties") {
            Some(properties) => {
                let required = schema.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
                fields
                    .iter()
                    .all(|(name, value)| properties.get(name).is_some_and(|schema| fits(value, schema, root)))
                    && required.iter().all(|name| fields.contains_key(name.as_str().unwrap()))
            }
            None => true,
        },
        Json::Array(all) => {
            let items = schema.get("items");
            all.iter().all(|value| items.is_none_or(|schema| fits(value, schema, root)))
        }
        Json::String(_) => schema.get("type").is_none_or(|ty| ty.to_string().contains("string")),
        Json::Number(_) => schema.get("type").is_none_or(|ty| ty.to_string().contains("integer")),
        _ => true,
    }
}

#[cfg(feature = "schemars")]
#[test]
fn the_json_schema_tells_what_the_json_is() {
    let schema = schemars::schema_for!(View).to_value();
    let world = Sample { cases: 40, seed: 1 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let mut compared = 0;
    for case in world.ids("Case").unwrap().map(|id| EntityUid::new("Case", id)) {
        for user in ATTENDANCE.who(&world, &who_may("viewSummary", &case, "User", &at(NOW))).unwrap().iter() {
            let view = ATTENDANCE.view(&world, &about(&user, &case, &at(NOW))).unwrap();
            let mut json = serde_json::to_value(&view).unwrap();
            assert!(fits(&json, &schema, &schema), "{json:#}\n{schema:#}");
            json["secret"] = true.into();
            assert!(!fits(&json, &schema, &schema));
            compared += 1;
        }
    }
    assert!(compared > 40);
}

/// Of a record that is not there a view takes what it takes of one that the person may not know of. By medians of many, asked in
/// turns: to say that none is there took a tenth.
#[test]
fn what_is_absent_takes_as_long_as_what_is_denied() {
    let world = Sample { cases: 2_000, seed: 5 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let query = |who: &EntityUid, id: &str| {
        caseward::ActionQuery::new(who.clone(), EntityUid::new("Case", id)).at(NOW)
    };
    let manager = world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).find(|user| {
        let cases = caseward::Query::new(
            user.clone(),
            ActionName::new("viewSummary"),
            caseward::TypeName::new("Case"),
        );
        let seen = ATTENDANCE.visible(&world, &cases.at(NOW)).unwrap().len();
        (1..100).contains(&seen)
    });
    let manager = manager.unwrap();
    let is_denied = |id: &&str| ATTENDANCE.view(&world, &query(&manager, id)).unwrap().is_nothing();
    let denied: Vec<String> =
        world.ids("Case").unwrap().filter(is_denied).take(300).map(str::to_owned).collect();
    let took = |id: &str| {
        let query = query(&manager, id);
        let begun = std::time::Instant::now();
        let view = ATTENDANCE.view(&world, &query).unwrap();
        let took = begun.elapsed();
        assert!(view.is_nothing());
        took
    };
    let mut times = [vec![], vec![]];
    for _ in 0..5 {
        for (at, id) in denied.iter().enumerate() {
            times[0].push(took(id));
            times[1].push(took(&format!("none{at}")));
        }
    }
    let [of_denied, of_absent] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    let ratio = of_absent / of_denied;
    assert!((0.7..1.4).contains(&ratio), "{ratio}: {of_denied} and {of_absent}");
}
