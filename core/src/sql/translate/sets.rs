//! Sets, and what lies in what.

use super::terms::Term;
use super::{Result, Translation};
use crate::ir::Id;
use crate::sql::tables::Kind;
use crate::sql::tree::{Column, Comparison, Constant, Existence, From, Null, Predicate, Row, Scalar, Source};

/// Elements that are looked for one by one; more make a list.
const FEW: usize = 8;

impl Translation<'_> {
    /// Whether some element of a set meets a condition.
    pub(super) fn any_element(
        &mut self,
        id: Id,
        set: &Term,
        condition: &mut dyn FnMut(&mut Self, &Term) -> Result<Predicate>,
    ) -> Result<Predicate> {
        match set {
            Term::Elements(all) => {
                let any = all.iter().map(|one| condition(self, one)).collect::<Result<Vec<_>>>()?;
                Ok(Predicate::any(any))
            }
            Term::Stored(row, element) => {
                let met = condition(self, element)?;
                Ok(self.any_row(*row, met))
            }
            other => self.no_value(id, other),
        }
    }

    /// Whether a row that several may be is there.
    fn any_row(&self, row: Row, met: Predicate) -> Predicate {
        self.bind_key(row, Predicate::Exists(Existence::Open, row, Box::new(met)))
    }

    pub(super) fn contains(&mut self, id: Id, set: &Term, element: &Term) -> Result<Predicate> {
        if let (Term::Elements(all), Term::Scalar(value, kind)) = (set, element)
            && let Some(list) = list(all, *kind)
        {
            return Ok(self.one_of(value, *kind, list));
        }
        self.any_element(id, set, &mut |this, one| this.equal(id, one, element))
    }

    /// Whether a value is one of a list.
    fn one_of(&self, value: &Scalar, kind: Kind, list: Vec<Constant>) -> Predicate {
        if let Scalar::Constant(value) = value {
            return Predicate::Constant(list.contains(value));
        }
        let compare =
            |one: Constant| Predicate::Compare(Comparison::Equal, value.clone(), Scalar::Constant(one));
        match (list.as_slice(), kind) {
            ([], _) => Predicate::Constant(false),
            (_, Kind::Bool) => Predicate::any(list.into_iter().map(|one| match one {
                Constant::Bool(true) => self.bind(Predicate::Holds(value.clone())),
                _ => self.bind(Predicate::Holds(value.clone()).not()),
            })),
            ([_], _) | (_, Kind::Ip) => Predicate::any(list.into_iter().map(|one| self.bind(compare(one)))),
            _ => self.bind(Predicate::OneOf(value.clone(), list.into())),
        }
    }

    pub(super) fn contains_any(&mut self, id: Id, a: &Term, b: &Term) -> Result<Predicate> {
        // The one in a table is looked through, the other one in it.
        let (outer, inner) = if matches!(a, Term::Stored(..)) { (a, b) } else { (b, a) };
        self.any_element(id, outer, &mut |this, one| this.contains(id, inner, one))
    }

    pub(super) fn contains_all(&mut self, id: Id, a: &Term, b: &Term) -> Result<Predicate> {
        if let (Term::Stored(_, element), Term::Elements(all)) = (a, b)
            && let Term::Scalar(_, kind) = **element
            && all.len() > FEW
            && let Some(list) = whole_list(all, kind)
        {
            let (row, value) = self.list_row(list, kind);
            let found = self.contains(id, a, &value)?;
            return Ok(self.any_row(row, found.not()).not());
        }
        let missing = self.any_element(id, b, &mut |this, one| Ok(this.contains(id, a, one)?.not()))?;
        Ok(missing.not())
    }

    /// The row of an element of a list.
    fn list_row(&mut self, list: Vec<Constant>, kind: Kind) -> (Row, Term) {
        let from = From::List(list.into());
        let row = self.rows.row(Source { from, key: Vec::new(), unique: false, entity: None });
        let column = Column { row, name: "value".into(), kind, null: Null::Never };
        (row, Term::Scalar(Scalar::Column(column), kind))
    }

    /// Whether the principal, whose place in the hierarchy is known, is something or lies in it.
    pub(super) fn principal_in(&mut self, id: Id, b: Id) -> Result<Predicate> {
        let itself = crate::model::value::Value::Entity(self.input.principal.clone());
        let mut all = vec![self.constant(&itself)];
        for above in self.input.above_principal {
            all.push(self.constant(&crate::model::value::Value::Entity(above.clone())));
        }
        let all = Term::Elements(all);
        self.each(b, |this, b| match b {
            Term::Elements(_) | Term::Stored(..) => this.contains_any(id, &all, b),
            _ => this.contains(id, &all, b),
        })
    }

    /// Whether entity `a` is `b` or lies in it, or in one of its elements.
    pub(super) fn lies_in(&mut self, id: Id, a: &Term, b: &Term) -> Result<Predicate> {
        let (entity, of) = match a {
            Term::Scalar(entity, Kind::Id(of)) => (entity, *of),
            Term::Unknown => return self.is_or_among(id, a, b),
            other => return self.no_value(id, other),
        };
        let itself = self.is_or_among(id, a, b)?;
        let tables = self.input.tables;
        let Some(table) = tables.of(of) else { return Ok(itself) };
        let types: Vec<_> = match self.input.schema.entity_type(of) {
            Some(ty) => ty.ancestors.clone(),
            None => Vec::new(),
        };
        let mut any = vec![itself];
        for above in types.into_iter().filter(|above| may_be_of(b, *above)) {
            let Some(join) = table.ancestors.get(&above) else {
                let name = self.input.schema.entity_type(above).map_or("", |ty| ty.name.as_ref());
                return Err(self.refuse(id, format!("the mapping has no table for what lies in `{name}`")));
            };
            let from = self.table(Some(of), &join.name);
            let key = vec![(join.owner.clone(), entity.clone())];
            let row = self.rows.row(Source { from, key, unique: false, entity: None });
            let (name, kind) = (join.value.clone(), Kind::Id(above));
            let null = self.null_in(row, Null::Broken);
            let value = Term::Scalar(Scalar::Column(Column { row, name, kind, null }), kind);
            let met = self.is_or_among(id, &value, b)?;
            any.push(self.any_row(row, met));
        }
        Ok(Predicate::any(any))
    }

    fn is_or_among(&mut self, id: Id, a: &Term, b: &Term) -> Result<Predicate> {
        match b {
            Term::Elements(_) | Term::Stored(..) => self.contains(id, b, a),
            _ => self.equal(id, a, b),
        }
    }
}

/// Whether what is looked for can be of a type.
fn may_be_of(b: &Term, ty: crate::model::TypeId) -> bool {
    match b {
        Term::Scalar(_, kind) => *kind == Kind::Id(ty),
        Term::Elements(all) => all.iter().any(|one| may_be_of(one, ty)),
        Term::Stored(_, element) => may_be_of(element, ty),
        _ => false,
    }
}

/// The values of a set that are of a kind, in order, where all of it is written down.
fn list(all: &[Term], kind: Kind) -> Option<Vec<Constant>> {
    let mut list = Vec::with_capacity(all.len());
    for one in all {
        match one {
            Term::Scalar(Scalar::Constant(value), of) if *of == kind || !is_id(*of) => {
                list.push(value.clone());
            }
            Term::Scalar(Scalar::Constant(_), _) | Term::Unknown => {}
            _ => return None,
        }
    }
    list.sort();
    list.dedup();
    Some(list)
}

/// As [`list`], where every value is of the kind.
fn whole_list(all: &[Term], kind: Kind) -> Option<Vec<Constant>> {
    let is_of =
        |one: &Term| matches!(one, Term::Scalar(Scalar::Constant(_), of) if *of == kind || !is_id(*of));
    if all.iter().all(is_of) && !matches!(kind, Kind::Bool | Kind::Ip) { list(all, kind) } else { None }
}

fn is_id(kind: Kind) -> bool {
    matches!(kind, Kind::Id(_))
}
