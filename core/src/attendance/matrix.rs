//! The matrix of this domain: its people and situations are in `policies/matrix.toml`.

use crate::matrix::Matrix;
use crate::model::{Error, Source};
use crate::ward::Ward;

/// Decides every action on every kind of record for every role, in situations that tell the rules apart.
///
/// Cost: a check for each mark, some ten thousand.
///
/// # Errors
/// [`Error::is_data`] where the ward's schema is not that of attendance case management.
///
/// # Example
/// ```
/// use caseward::{Ward, attendance};
///
/// let matrix = attendance::matrix(&Ward::attendance()?)?.to_string();
/// assert!(matrix.contains("viewSummary"));
/// # Ok::<(), caseward::Error>(())
/// ```
pub fn matrix(ward: &Ward) -> Result<Matrix, Error> {
    Matrix::read(ward, &Source::new(Matrix::FILE, caseward_policies::MATRIX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use super::{Matrix, matrix};
    use crate::Ward;

    static WARD: LazyLock<Ward> = LazyLock::new(|| Ward::attendance().expect("the policies load"));
    static MATRIX: LazyLock<Matrix> = LazyLock::new(|| matrix(&WARD).expect("the schema fits"));

    #[test]
    fn matches_the_committed_text() {
        let now = MATRIX.to_string();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/matrix.out");
        let committed = std::fs::read_to_string(path).expect("policies/matrix.out is there");
        let changed = now.lines().zip(committed.lines()).find(|(now, then)| now != then);
        let help = "if that was meant: caseward matrix > policies/matrix.out";
        assert!(
            now == committed,
            "decisions are not those of policies/matrix.out, first {changed:?}; {help}"
        );
    }

    #[test]
    fn every_action_on_every_type_is_allowed_to_somebody() {
        let mut allowed = BTreeSet::new();
        for row in MATRIX.rows().filter(|row| row.marks.iter().any(|mark| mark.allowed)) {
            allowed.insert((row.resource.to_owned(), row.action.to_owned()));
        }
        let types = WARD.schema().entity_types();
        let all: BTreeSet<_> = WARD
            .schema()
            .actions()
            .iter()
            .flat_map(|action| {
                let of = action.resources.iter().map(|ty| types[ty.index()].name.to_string());
                of.map(|ty| (ty, action.uid.id().to_owned()))
            })
            .collect();
        let never: Vec<_> = all.difference(&allowed).collect();
        assert!(never.is_empty(), "nobody ever may: {never:?}");
    }
}
