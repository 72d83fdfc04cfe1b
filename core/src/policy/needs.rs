//! Which facts the policies can read, found from their text.
//!
//! A request is decided on a slice of the data. For each request environment (principal type, action,
//! resource type) a tree says which attributes of the principal, the resource and the context, and of
//! the entities that these lead to, some policy that can apply there reads. The slice holds those
//! and no others, so its size follows the policies, not the data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::PolicySet;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Var};
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv;
use cedar_policy_core::validator::{ValidationMode, ValidatorSchema};

use crate::cedar::value::uid_from_cedar;
use crate::model::{EntityUid, Schema, TypeId};

/// What is read of a value, and of the values that it leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// Whether the value, an entity, is looked up at all.
    pub(crate) looked_up: bool,
    /// Attributes of an entity or fields of a record, each with what is read of its value.
    pub(crate) fields: BTreeMap<Arc<str>, Need>,
    /// What is read of the values of its tags, where tags are read.
    pub(crate) tags: Option<Box<Need>>,
}

/// What is read in one request environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roots {
    pub(crate) principal: Need,
    pub(crate) resource: Need,
    pub(crate) context: Need,
    /// Entities that policies name outright.
    pub(crate) named: BTreeMap<EntityUid, Need>,
    /// Ids of the policies that can apply, in order.
    pub(crate) policies: BTreeSet<Arc<str>>,
}

/// What is read in each request environment: principal type, action, resource type.
pub(crate) struct Needs {
    roots: HashMap<(TypeId, EntityUid, TypeId), Roots>,
    nothing: Roots,
}

impl Needs {
    pub(super) fn new(cedar: &ValidatorSchema, set: &PolicySet, schema: &Schema) -> Self {
        let typechecker = Typechecker::new(cedar, ValidationMode::Strict);
        let mut roots: HashMap<_, Roots> = HashMap::new();
        for policy in set.policies() {
            let policy: &cedar_policy_core::ast::Policy = policy.as_ref();
            for (env, check) in typechecker.typecheck_by_request_env(policy.template()) {
                let RequestEnv::DeclaredAction { principal, action, resource, .. } = &env else { continue };
                let types = (schema.type_id(&principal.to_string()), schema.type_id(&resource.to_string()));
                let (Some(principal), Some(resource)) = types else { continue };
                let roots = roots.entry((principal, uid_from_cedar(action), resource)).or_default();
                // What can never be true there can still be evaluated up to that point, and fail.
                let expr = match check {
                    PolicyCheck::Success(expr) => {
                        roots.policies.insert(policy.id().to_string().into());
                        expr
                    }
                    PolicyCheck::Irrelevant(_, expr) => expr,
                    PolicyCheck::Fail(_) => continue,
                };
                Reader { roots }.read(&expr);
            }
        }
        Needs { roots, nothing: Roots::default() }
    }

    pub(crate) fn of(&self, principal: TypeId, action: &EntityUid, resource: TypeId) -> &Roots {
        self.roots.get(&(principal, action.clone(), resource)).unwrap_or(&self.nothing)
    }
}

/// Where a value comes from: places in the trees, and the fields of records written in the policy.
#[derive(Default)]
struct Origin {
    places: Vec<Place>,
    fields: BTreeMap<Arc<str>, Origin>,
}

/// The way from a root to a value.
#[derive(Clone)]
struct Place {
    root: Root,
    steps: Vec<Step>,
}

#[derive(Clone)]
enum Root {
    Principal,
    Resource,
    Context,
    Named(EntityUid),
}

#[derive(Clone)]
enum Step {
    Field(Arc<str>),
    Tag,
}

impl Origin {
    fn root(root: Root) -> Self {
        Origin { places: vec![Place { root, steps: Vec::new() }], fields: BTreeMap::new() }
    }

    fn or(mut self, other: Origin) -> Self {
        self.places.extend(other.places);
        for (name, origin) in other.fields {
            let merged = self.fields.remove(&name).unwrap_or_default().or(origin);
            self.fields.insert(name, merged);
        }
        self
    }
}

struct Reader<'a> {
    roots: &'a mut Roots,
}

impl Reader<'_> {
    /// Notes all that evaluating `expr` reads; returns where its value can come from.
    ///
    /// Recursion is bounded by the limits on policy text.
    fn read<T>(&mut self, expr: &Expr<T>) -> Origin {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => Origin::root(Root::Named(uid_from_cedar(uid))),
            ExprKind::Var(Var::Principal) => Origin::root(Root::Principal),
            ExprKind::Var(Var::Resource) => Origin::root(Root::Resource),
            ExprKind::Var(Var::Context) => Origin::root(Root::Context),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.read(test_expr);
                let then = self.read(then_expr);
                then.or(self.read(else_expr))
            }
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.read_all([&**left, &**right])
            }
            ExprKind::UnaryApp { arg, .. } => self.read_all([&**arg]),
            ExprKind::BinaryApp { op, arg1, arg2 } => self.read_binary(*op, arg1, arg2),
            ExprKind::GetAttr { expr, attr } => {
                let of = self.read(expr);
                self.step(of, attr)
            }
            ExprKind::HasAttr { expr, attr } => {
                let of = self.read(expr);
                self.step(of, attr);
                Origin::default()
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                let mut of = self.read(expr);
                for attr in attrs {
                    of = self.step(of, attr);
                }
                Origin::default()
            }
            ExprKind::ExtensionFunctionApp { args, .. } => self.read_all(args.iter()),
            ExprKind::Set(elements) => self.read_all(elements.iter()),
            ExprKind::Like { expr, .. } | ExprKind::Is { expr, .. } => self.read_all([&**expr]),
            ExprKind::Record(fields) => {
                let fields = fields.iter().map(|(name, e)| (Arc::from(name.as_str()), self.read(e)));
                Origin { places: Vec::new(), fields: fields.collect() }
            }
            ExprKind::Lit(_) | ExprKind::Var(Var::Action) | ExprKind::Slot(_) | ExprKind::Unknown(_) => {
                Origin::default()
            }
        }
    }

    /// Reads operands whose values lead nowhere further.
    fn read_all<'e, T: 'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr<T>>) -> Origin {
        for expr in exprs {
            self.read(expr);
        }
        Origin::default()
    }

    fn read_binary<T>(&mut self, op: BinaryOp, left: &Expr<T>, right: &Expr<T>) -> Origin {
        let of = self.read(left);
        self.read(right);
        match op {
            // `in` looks at what the left side lies in; the right side is only compared with.
            BinaryOp::In => {
                for place in &of.places {
                    self.need(place).looked_up = true;
                }
                Origin::default()
            }
            BinaryOp::GetTag | BinaryOp::HasTag => {
                let places = of.places.into_iter().map(|mut place| {
                    self.need(&place).looked_up = true;
                    place.steps.push(Step::Tag);
                    self.need(&place);
                    place
                });
                Origin { places: places.collect(), fields: BTreeMap::new() }
            }
            _ => Origin::default(),
        }
    }

    /// The attribute `attr` of the values from `of`.
    fn step(&mut self, mut of: Origin, attr: &str) -> Origin {
        let written = of.fields.remove(attr).unwrap_or_default();
        let places = of.places.into_iter().map(|mut place| {
            self.need(&place).looked_up = true;
            place.steps.push(Step::Field(attr.into()));
            self.need(&place);
            place
        });
        Origin { places: places.collect(), fields: BTreeMap::new() }.or(written)
    }

    /// The node of the trees at `place`, made where it is not there.
    fn need(&mut self, place: &Place) -> &mut Need {
        let mut need = match &place.root {
            Root::Principal => &mut self.roots.principal,
            Root::Resource => &mut self.roots.resource,
            Root::Context => &mut self.roots.context,
            Root::Named(uid) => self.roots.named.entry(uid.clone()).or_default(),
        };
        for step in &place.steps {
            need = match step {
                Step::Field(name) => need.fields.entry(name.clone()).or_default(),
                Step::Tag => need.tags.get_or_insert_default(),
            };
        }
        need
    }
}
