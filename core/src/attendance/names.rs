//! Names for what stories and counterexamples speak of.

/// Names for entities of a type, in the order in which a story takes them; none where it makes up plain ones.
pub fn names(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "User" => &["aroha", "wiremu", "ngaire", "colin", "mere", "rangi"],
        "Student" => &["tama", "mia", "leo", "isla"],
        "School" => &["northcote", "kauri", "southgate", "westmere"],
        "Provider" => &["harbour", "southern", "kauri-hub"],
        _ => &[],
    }
}
