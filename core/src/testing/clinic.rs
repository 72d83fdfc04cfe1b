//! A second domain: what the engine must know of Cedar beyond what attendance uses.

use crate::model::Source;
use crate::policy::Sources;

macro_rules! text {
    ($name:literal) => {
        Source::new($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clinic/", $name)))
    };
}

/// The schema and the policies of a clinic, with hierarchies, tags, records, decimals and addresses.
pub fn clinic_sources() -> Sources {
    Sources {
        catalogue: Some(text!("fields.toml")),
        schema: text!("schema.cedarschema"),
        policies: vec![
            text!("doors/code.cedar"),
            text!("doors/open.cedar"),
            text!("records/boss.cedar"),
            text!("records/colour.cedar"),
            text!("records/history.cedar"),
            text!("records/owner.cedar"),
            text!("records/price.cedar"),
            text!("records/team.cedar"),
            text!("records/weight.cedar"),
        ],
    }
}
