//! The schema in this crate's own terms.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy_core::ast::{EntityType as CedarEntityType, EntityUID};
use cedar_policy_core::validator::ValidatorSchema;
use cedar_policy_core::validator::types::{Attributes, EntityKind, Type as CedarType};
use cedar_policy_core::validator::{ValidatorActionId, ValidatorEntityTypeKind};

use super::value::uid_from_cedar;
use crate::model::{Action, Attribute, EntityType, Problem, Schema, Type, TypeId};

/// Takes over every entity type and action of `cedar`.
///
/// What strict validation allows and this crate has no form for is a problem: more than 65,535 types.
pub(crate) fn convert(cedar: &ValidatorSchema) -> Result<Schema, Problem> {
    let mut names: Vec<&CedarEntityType> =
        cedar.entity_type_names().filter(|name| !name.is_action()).collect();
    names.sort_by_key(|name| name.to_string());
    let ids = names.iter().enumerate().map(|(at, name)| {
        let id = u16::try_from(at).map_err(|_| Problem::error("the schema has too many entity types"))?;
        Ok(((*name).clone(), TypeId(id)))
    });
    let converter = Converter::new(cedar, ids.collect::<Result<_, Problem>>()?);

    let types = names.iter().map(|name| converter.entity_type(name)).collect::<Result<_, _>>()?;
    let mut actions =
        cedar.action_ids().map(|action| converter.action(action)).collect::<Result<Vec<_>, _>>()?;
    actions.retain(|action| !action.principals.is_empty() && !action.resources.is_empty());
    actions.sort_by(|a, b| a.uid.cmp(&b.uid));
    Ok(Schema::new(types, actions))
}

struct Converter<'a> {
    cedar: &'a ValidatorSchema,
    ids: HashMap<CedarEntityType, TypeId>,
    /// What each type and each action lies in, at any distance. Cedar has it the other way round: to look through all of
    /// that for each would take a time that grows with the square of their number.
    ancestors: HashMap<&'a CedarEntityType, Vec<TypeId>>,
    groups: HashMap<&'a EntityUID, Vec<&'a EntityUID>>,
}

impl<'a> Converter<'a> {
    fn new(cedar: &'a ValidatorSchema, ids: HashMap<CedarEntityType, TypeId>) -> Self {
        let mut ancestors: HashMap<_, Vec<_>> = HashMap::new();
        for above in cedar.entity_types() {
            let Some(&id) = ids.get(above.name()) else { continue };
            above.descendants.iter().for_each(|name| ancestors.entry(name).or_default().push(id));
        }
        let mut groups: HashMap<_, Vec<_>> = HashMap::new();
        for group in cedar.action_ids() {
            group.descendants().for_each(|name| groups.entry(name).or_default().push(group.name()));
        }
        Converter { cedar, ids, ancestors, groups }
    }

    fn entity_type(&self, name: &CedarEntityType) -> Result<EntityType, Problem> {
        let unknown = || Problem::error(format!("the schema lacks the entity type `{name}`"));
        let ty = self.cedar.get_entity_type(name).ok_or_else(unknown)?;
        let choices = match &ty.kind {
            ValidatorEntityTypeKind::Enum(ids) => {
                Some(ids.iter().map(|id| Arc::from(AsRef::<str>::as_ref(id))).collect())
            }
            _ => None,
        };
        let mut ancestors = self.ancestors.get(name).cloned().unwrap_or_default();
        ancestors.sort_unstable();
        Ok(EntityType {
            name: name.to_string().into(),
            attributes: self.fields(ty.attributes())?.into_iter().collect(),
            tags: ty.tag_type().map(|ty| self.ty(ty)).transpose()?,
            ancestors,
            choices,
        })
    }

    fn action(&self, action: &ValidatorActionId) -> Result<Action, Problem> {
        let ids = |names: &mut dyn Iterator<Item = &CedarEntityType>| {
            let mut ids: Vec<TypeId> = names.filter_map(|n| self.ids.get(n).copied()).collect();
            ids.sort_unstable();
            ids
        };
        let context = match action.context() {
            Some(CedarType::Record { attrs, .. }) => self.fields(attrs)?,
            _ => BTreeMap::new(),
        };
        let groups = self.groups.get(action.name()).into_iter().flatten();
        let mut groups: Vec<_> = groups.map(|group| uid_from_cedar(group)).collect();
        groups.sort();
        Ok(Action {
            uid: uid_from_cedar(action.name()),
            principals: ids(&mut action.principals()),
            resources: ids(&mut action.resources()),
            context: Arc::new(context),
            place: 0,
            groups,
        })
    }

    fn fields(&self, attributes: &Attributes) -> Result<BTreeMap<Arc<str>, Attribute>, Problem> {
        let fields = attributes.iter().map(|(name, attribute)| {
            let ty = self.ty(&attribute.attr_type)?;
            Ok((Arc::from(name.as_str()), Attribute { ty, required: attribute.is_required }))
        });
        fields.collect()
    }

    fn ty(&self, ty: &CedarType) -> Result<Type, Problem> {
        let unknown = || Problem::error(format!("the schema uses the type `{ty}`, which has no values"));
        Ok(match ty {
            CedarType::Bool(_) => Type::Bool,
            CedarType::Long => Type::Long,
            CedarType::String => Type::String,
            CedarType::Entity(EntityKind::Entity(lub)) => {
                let name = lub.get_single_entity().ok_or_else(unknown)?;
                Type::Entity(*self.ids.get(name).ok_or_else(unknown)?)
            }
            CedarType::Set { element_type: Some(element) } => Type::Set(Box::new(self.ty(element)?)),
            CedarType::Record { attrs, .. } => Type::Record(Arc::new(self.fields(attrs)?)),
            CedarType::ExtensionType { name } => match name.to_string().as_str() {
                "decimal" => Type::Decimal,
                "ipaddr" => Type::Ip,
                "datetime" => Type::Datetime,
                "duration" => Type::Duration,
                _ => return Err(unknown()),
            },
            CedarType::Never | CedarType::Entity(EntityKind::AnyEntity) | CedarType::Set { .. } => {
                return Err(unknown());
            }
        })
    }
}
