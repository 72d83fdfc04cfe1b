//! Conditions over atoms as reduced ordered decision diagrams (Bryant, "Graph-Based Algorithms for Boolean
//! Function Manipulation", 1986): however many policies ask it, an atom is on every way at most once.

use hashbrown::HashMap;

/// A diagram, by the number of its root.
pub(crate) type Bdd = u32;

pub(crate) const FALSE: Bdd = 0;
pub(crate) const TRUE: Bdd = 1;

/// Nodes beyond which a diagram is given up.
const MANY: usize = 20_000;

/// A test of an atom, and the diagrams that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Branch {
    pub(crate) atom: u32,
    pub(crate) no: Bdd,
    pub(crate) yes: Bdd,
}

/// Diagrams that share their parts. `None` from any operation: they have become too large.
#[derive(Default)]
pub(crate) struct Diagrams {
    /// From number 2 on.
    branches: Vec<Branch>,
    numbers: HashMap<Branch, Bdd>,
    chosen: HashMap<(Bdd, Bdd, Bdd), Bdd>,
}

impl Diagrams {
    pub(crate) fn branch(&self, of: Bdd) -> Option<Branch> {
        self.branches.get((of as usize).checked_sub(2)?).copied()
    }

    pub(crate) fn atom(&mut self, atom: u32) -> Option<Bdd> {
        self.make(Branch { atom, no: FALSE, yes: TRUE })
    }

    pub(crate) fn and(&mut self, a: Bdd, b: Bdd) -> Option<Bdd> {
        self.choose(a, b, FALSE)
    }

    pub(crate) fn or(&mut self, a: Bdd, b: Bdd) -> Option<Bdd> {
        self.choose(a, TRUE, b)
    }

    pub(crate) fn not(&mut self, a: Bdd) -> Option<Bdd> {
        self.choose(a, FALSE, TRUE)
    }

    /// `then` where `test` holds, else `or`.
    pub(crate) fn choose(&mut self, test: Bdd, then: Bdd, or: Bdd) -> Option<Bdd> {
        match (test, then, or) {
            (TRUE, ..) => return Some(then),
            (FALSE, ..) => return Some(or),
            (_, TRUE, FALSE) => return Some(test),
            _ if then == or => return Some(then),
            _ => {}
        }
        if let Some(&known) = self.chosen.get(&(test, then, or)) {
            return Some(known);
        }
        let of = |this: &Self, bdd| this.branch(bdd).map_or(u32::MAX, |branch| branch.atom);
        let atom = of(self, test).min(of(self, then)).min(of(self, or));
        let [no, yes] = [false, true].map(|side| {
            let [test, then, or] = [test, then, or].map(|bdd| self.side(bdd, atom, side));
            (test, then, or)
        });
        let no = self.choose(no.0, no.1, no.2)?;
        let yes = self.choose(yes.0, yes.1, yes.2)?;
        let made = self.make(Branch { atom, no, yes })?;
        self.chosen.insert((test, then, or), made);
        Some(made)
    }

    /// The diagram where `atom`, which is not below its root's, comes out so.
    fn side(&self, bdd: Bdd, atom: u32, yes: bool) -> Bdd {
        match self.branch(bdd) {
            Some(branch) if branch.atom == atom => {
                if yes {
                    branch.yes
                } else {
                    branch.no
                }
            }
            _ => bdd,
        }
    }

    /// The diagram where `atom` comes out so, wherever it stands.
    pub(crate) fn where_is(
        &mut self,
        bdd: Bdd,
        atom: u32,
        yes: bool,
        memo: &mut HashMap<Bdd, Bdd>,
    ) -> Option<Bdd> {
        let Some(branch) = self.branch(bdd).filter(|branch| branch.atom <= atom) else { return Some(bdd) };
        if branch.atom == atom {
            return Some(if yes { branch.yes } else { branch.no });
        }
        if let Some(&known) = memo.get(&bdd) {
            return Some(known);
        }
        let no = self.where_is(branch.no, atom, yes, memo)?;
        let yes = self.where_is(branch.yes, atom, yes, memo)?;
        let made = self.make(Branch { atom: branch.atom, no, yes })?;
        memo.insert(bdd, made);
        Some(made)
    }

    pub(crate) fn make(&mut self, branch: Branch) -> Option<Bdd> {
        if branch.no == branch.yes {
            return Some(branch.no);
        }
        if let Some(&known) = self.numbers.get(&branch) {
            return Some(known);
        }
        if self.branches.len() >= MANY {
            return None;
        }
        let number = u32::try_from(self.branches.len() + 2).ok()?;
        self.branches.push(branch);
        self.numbers.insert(branch, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bdd, Diagrams, FALSE, TRUE};

    /// What the diagram says where the atoms are the bits of `bits`.
    fn says(diagrams: &Diagrams, mut bdd: Bdd, bits: u32) -> bool {
        while let Some(branch) = diagrams.branch(bdd) {
            bdd = if bits >> branch.atom & 1 == 1 { branch.yes } else { branch.no };
        }
        bdd == TRUE
    }

    #[test]
    fn diagrams_say_what_conditions_say() {
        let mut d = Diagrams::default();
        let atoms: Vec<Bdd> = (0..4).map(|n| d.atom(n).expect("small")).collect();
        let [a, b, c, e] = atoms[..] else { panic!("four atoms") };
        let both = d.and(a, c).expect("small");
        let either = d.or(both, b).expect("small");
        let not = d.not(e).expect("small");
        let all = d.choose(either, not, a).expect("small");
        let where_b = d.where_is(all, 1, true, &mut Default::default()).expect("small");
        for bits in 0..16 {
            let [a, b, c, e] = [0, 1, 2, 3].map(|n| bits >> n & 1 == 1);
            let of = |b: bool| if a && c || b { !e } else { a };
            assert_eq!(says(&d, all, bits), of(b), "{bits:04b}");
            assert_eq!(says(&d, where_b, bits), of(true), "{bits:04b}");
        }
        let again = d.not(not).expect("small");
        assert_eq!(again, e);
        assert_eq!((d.and(e, not), d.or(e, not)), (Some(FALSE), Some(TRUE)));
    }
}
