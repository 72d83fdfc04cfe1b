//! The Merkle tree over the log's envelopes, of RFC 6962: what is kept of it is enough to append and to say its root.

use sha2::{Digest as _, Sha256};

use crate::ids::hex;

/// SHA-256 of a node.
pub(crate) type Hash = [u8; 32];

/// The right edge of a tree: the roots of the perfect trees that it is made of, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

impl Tree {
    /// How many leaves it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub(crate) fn push(&mut self, leaf: &[u8]) {
        let mut node = digest(&[&[0], leaf]);
        // Two perfect trees of one size are one of the next: as many as the size ends in ones.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = digest(&[&[1], &left, &node]);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The tree's root.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return digest(&[]) };
        peaks.fold(*last, |right, left| digest(&[&[1], left, &right]))
    }

    /// As it is kept between runs.
    pub(crate) fn to_text(&self) -> String {
        let peaks: Vec<String> = self.peaks.iter().map(|peak| hex(peak)).collect();
        format!("{} {}", self.size, peaks.join(" "))
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split_ascii_whitespace();
        let size: u64 = parts.next()?.parse().ok()?;
        let peaks: Vec<Hash> = parts.map(crate::ids::unhex).collect::<Option<_>>()?;
        (peaks.len() == usize::try_from(size.count_ones()).ok()?).then_some(Tree { size, peaks })
    }
}

fn digest(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use sha2::Sha256;

    use super::Tree;
    use crate::ids::hex;

    /// The leaves and roots by which implementations of RFC 6962 are tested.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn bytes(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn roots_are_those_of_rfc_6962() {
        let mut tree = Tree::default();
        assert_eq!(hex(&tree.root()), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(ROOTS.iter().skip(1)) {
            tree.push(&bytes(leaf));
            assert_eq!(hex(&tree.root()), *root);
            assert_eq!(Tree::from_text(&tree.to_text()), Some(tree.clone()));
        }
    }

    #[test]
    fn roots_are_those_of_the_library() {
        let (mut ours, mut theirs) = (Tree::default(), MemoryBackedTree::<Sha256, String>::new());
        for number in 0..600 {
            let leaf = format!("leaf {number}");
            ours.push(leaf.as_bytes());
            theirs.push(leaf);
            assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice(), "{number}");
        }
    }

    #[test]
    fn what_is_no_tree_is_not_read() {
        for text in
            ["", "x", "1", "2 00", "3 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"]
        {
            assert_eq!(Tree::from_text(text), None, "{text}");
        }
    }
}
