//! Facts in plain maps, and Cedar's own authorizer over them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    Policy, PolicyId, PolicySet, Request, RestrictedExpression,
};
use serde_json::{Map, Value as Json, json};

use crate::time;

/// An entity's type and id.
pub(crate) type Uid = (String, String);

pub(crate) fn uid(ty: &str, id: &str) -> Uid {
    (ty.to_owned(), id.to_owned())
}

/// As Cedar writes it: `Case::"c1"`.
pub(crate) fn written(uid: &Uid) -> String {
    format!("{}::\"{}\"", uid.0, uid.1)
}

/// A reference, as an attribute's value.
pub(crate) fn reference(uid: &Uid) -> Json {
    json!({"__entity": {"type": uid.0, "id": uid.1}})
}

/// An instant, as an attribute's value.
pub(crate) fn instant(at: i64) -> Json {
    json!({"__extn": {"fn": "datetime", "arg": time::written(at)}})
}

/// What a reference names.
pub(crate) fn named(value: &Json) -> Option<Uid> {
    let inner = value.get("__entity")?;
    Some(uid(inner.get("type")?.as_str()?, inner.get("id")?.as_str()?))
}

/// When an instant is.
pub(crate) fn instant_of(value: &Json) -> Option<i64> {
    time::instant(value.get("__extn")?.get("arg")?.as_str()?)
}

/// A value in one form: sets in the order of their texts, instants to the second or the millisecond.
pub(crate) fn plain(value: &Json) -> Json {
    match value {
        Json::Array(all) => {
            let mut all: Vec<Json> = all.iter().map(plain).collect();
            all.sort_by_key(Json::to_string);
            all.dedup();
            Json::Array(all)
        }
        Json::Object(_) => instant_of(value).map_or_else(|| value.clone(), instant),
        other => other.clone(),
    }
}

/// What the policies say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) permitted: bool,
    /// Whether it names an entity that is not there: nothing was evaluated.
    pub(crate) absent: bool,
    pub(crate) policies: BTreeSet<String>,
    pub(crate) rules: BTreeSet<String>,
}

/// Entities by type and id, with what changed since it was last looked at.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) all: BTreeMap<Uid, Map<String, Json>>,
    pub(crate) touched: BTreeSet<Uid>,
    built: HashMap<Uid, Entity>,
    /// All of them, as Cedar has them, while nothing changes.
    whole: Option<Entities>,
}

impl Facts {
    pub(crate) fn has(&self, uid: &Uid) -> bool {
        self.all.contains_key(uid)
    }

    pub(crate) fn get(&self, uid: &Uid, name: &str) -> Option<&Json> {
        self.all.get(uid)?.get(name)
    }

    pub(crate) fn text(&self, uid: &Uid, name: &str) -> Option<&str> {
        self.get(uid, name)?.as_str()
    }

    pub(crate) fn entity(&self, uid: &Uid, name: &str) -> Option<Uid> {
        named(self.get(uid, name)?)
    }

    pub(crate) fn members(&self, uid: &Uid, name: &str) -> Vec<Uid> {
        self.get(uid, name).and_then(Json::as_array).into_iter().flatten().filter_map(named).collect()
    }

    pub(crate) fn contains(&self, uid: &Uid, name: &str, member: &Uid) -> bool {
        self.members(uid, name).contains(member)
    }

    /// Entities of a type.
    pub(crate) fn of<'a>(&'a self, ty: &'a str) -> impl Iterator<Item = &'a Uid> {
        self.all.keys().filter(move |uid| uid.0 == ty)
    }

    pub(crate) fn make(&mut self, uid: &Uid, attributes: Json) {
        let Json::Object(attributes) = attributes else { panic!("attributes are an object") };
        let attributes = attributes.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        self.all.insert(uid.clone(), attributes);
        self.touch(uid);
    }

    pub(crate) fn remove(&mut self, uid: &Uid) {
        if self.all.remove(uid).is_some() {
            self.touch(uid);
        }
    }

    /// Sets an attribute, or removes it.
    pub(crate) fn set(&mut self, uid: &Uid, name: &str, value: Option<Json>) {
        let value = value.as_ref().map(plain);
        let attributes = self.all.get_mut(uid).unwrap_or_else(|| panic!("{uid:?} is there"));
        if attributes.get(name) != value.as_ref() {
            match value {
                Some(value) => attributes.insert(name.to_owned(), value),
                None => attributes.remove(name),
            };
            self.touch(uid);
        }
    }

    pub(crate) fn refer(&mut self, uid: &Uid, name: &str, to: Option<&Uid>) {
        self.set(uid, name, to.map(reference));
    }

    pub(crate) fn set_member(&mut self, uid: &Uid, name: &str, member: &Uid, is: bool) {
        let mut all: BTreeSet<Uid> = self.members(uid, name).into_iter().collect();
        if is {
            all.insert(member.clone());
        } else {
            all.remove(member);
        }
        self.set(uid, name, Some(Json::Array(all.iter().map(reference).collect())));
    }

    fn touch(&mut self, uid: &Uid) {
        self.touched.insert(uid.clone());
        self.built.remove(uid);
        self.whole = None;
    }

    /// All entities, as Cedar has them.
    fn entities(&mut self) -> &Entities {
        let (built, all) = (&mut self.built, &self.all);
        self.whole.get_or_insert_with(|| {
            let entity = |(uid, attributes): (&Uid, &Map<String, Json>)| {
                let make = || {
                    let json =
                        json!({"uid": {"type": uid.0, "id": uid.1}, "attrs": attributes, "parents": []});
                    Entity::from_json_value(json, None).unwrap()
                };
                built.entry(uid.clone()).or_insert_with(make).clone()
            };
            Entities::from_entities(all.iter().map(entity), None).unwrap()
        })
    }
}

/// The policies, as text, by the action that they can apply to.
pub(crate) struct Cedar {
    all: Vec<Policy>,
    by_action: HashMap<String, PolicySet>,
    types: HashMap<String, EntityTypeName>,
    /// The rule of each policy.
    rules: HashMap<String, String>,
    now: Option<(i64, RestrictedExpression)>,
    authorizer: Authorizer,
}

impl Cedar {
    pub(crate) fn new() -> Self {
        let (mut all, mut rules) = (Vec::new(), HashMap::new());
        for (path, text) in caseward_policies::POLICIES {
            let id = path.trim_end_matches(".cedar").replace('/', ".");
            let policy = Policy::parse(Some(PolicyId::new(&id)), text).unwrap();
            assert_eq!(policy.annotation("id"), Some(&*id));
            rules.insert(id, policy.annotation("rule").unwrap().to_owned());
            all.push(policy);
        }
        let (by_action, types) = (HashMap::new(), HashMap::new());
        Cedar { all, by_action, types, rules, now: None, authorizer: Authorizer::new() }
    }

    fn of(&mut self, action: &str) -> &PolicySet {
        let uid = self.cedar(&uid("Action", action));
        let all = &self.all;
        self.by_action.entry(action.to_owned()).or_insert_with(|| {
            let applies = |policy: &&Policy| match policy.action_constraint() {
                ActionConstraint::Any => true,
                ActionConstraint::In(all) => all.contains(&uid),
                ActionConstraint::Eq(one) => one == uid,
            };
            PolicySet::from_policies(all.iter().filter(applies).cloned()).unwrap()
        })
    }

    /// What the policies say of a request. One that names an entity that is not there is denied, and an error denies.
    pub(crate) fn ask(
        &mut self,
        facts: &mut Facts,
        (principal, action, resource): (&Uid, &str, &Uid),
        context: &Map<String, Json>,
        now: i64,
    ) -> Verdict {
        let mut named_ones = vec![principal.clone(), resource.clone()];
        named_ones.extend(context.values().filter_map(named));
        if named_ones.iter().any(|uid| !facts.has(uid)) {
            return Verdict { absent: true, ..Verdict::default() };
        }
        let request = Request::new(
            self.cedar(principal),
            self.cedar(&uid("Action", action)),
            self.cedar(resource),
            self.context(context, now),
            None,
        )
        .unwrap();
        self.of(action);
        let policies = &self.by_action[action];
        let response = self.authorizer.is_authorized(&request, policies, facts.entities());
        let reasons = || response.diagnostics().reason();
        let erred = response.diagnostics().errors().next().is_some();
        let rule = |id: &PolicyId| self.rules.get(id.as_ref() as &str).cloned();
        Verdict {
            permitted: response.decision() == Decision::Allow && !erred,
            absent: false,
            policies: reasons().map(PolicyId::to_string).collect(),
            rules: reasons().filter_map(rule).collect(),
        }
    }

    fn cedar(&mut self, uid: &Uid) -> EntityUid {
        let ty = self.types.entry(uid.0.clone()).or_insert_with(|| uid.0.parse().unwrap());
        EntityUid::from_type_name_and_id(ty.clone(), EntityId::new(&uid.1))
    }

    fn context(&mut self, context: &Map<String, Json>, now: i64) -> Context {
        // Cedar reads the name of its extension anew for each.
        if self.now.as_ref().is_none_or(|(at, _)| *at != now) {
            self.now = Some((now, RestrictedExpression::new_datetime(time::written(now))));
        }
        let mut all: Vec<_> = self.now.iter().map(|(_, at)| ("now".to_owned(), at.clone())).collect();
        for (name, value) in context {
            let value = match value {
                Json::Bool(is) => RestrictedExpression::new_bool(*is),
                Json::Number(n) => RestrictedExpression::new_long(n.as_i64().unwrap()),
                Json::String(text) => RestrictedExpression::new_string(text.clone()),
                value => RestrictedExpression::new_entity_uid(self.cedar(&named(value).unwrap())),
            };
            all.push((name.clone(), value));
        }
        Context::from_pairs(all).unwrap()
    }
}
