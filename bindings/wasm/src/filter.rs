//! Conditions for one's own SQL.

use caseward::sql::{Database, Dialect, FilterOptions, Mapping};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::ward::Ward;
use crate::world::World;

#[wasm_bindgen]
impl Ward {
    /// As JSON; `mapping` in TOML.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn filter(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        context: &str,
        now: f64,
        dialect: &str,
        mapping: Option<String>,
        first_parameter: Option<usize>,
        parameter_style: Option<String>,
        alias: Option<String>,
    ) -> Result<String, Refusal> {
        let query = self.query((principal_type, principal), action, resource_type, (context, now))?;
        let database = self.database(dialect, mapping)?;
        let mut options = FilterOptions::default();
        if let Some(number) = first_parameter {
            options = options.first_parameter(number);
        }
        if let Some(style) = parameter_style {
            options = options.style(style.parse()?);
        }
        if let Some(alias) = alias {
            options = options.alias(alias);
        }
        json(&self.0.filter_with(&world.world, &query, &database, &options)?)
    }

    /// The statements that make the mapped tables, as JSON.
    pub fn tables(&self, dialect: &str, mapping: Option<String>) -> Result<String, Refusal> {
        json(&self.database(dialect, mapping)?.create())
    }

    /// The start of a query for the ids of a type's rows.
    pub fn select(
        &self,
        dialect: &str,
        mapping: Option<String>,
        resource_type: &str,
    ) -> Result<String, Refusal> {
        Ok(self.database(dialect, mapping)?.select(resource_type)?)
    }
}

impl Ward {
    fn database(&self, dialect: &str, mapping: Option<String>) -> Result<Database, Refusal> {
        let dialect: Dialect = dialect.parse()?;
        let mapping = mapping.map_or_else(|| Ok(Mapping::default()), |text| Mapping::from_toml(&text))?;
        Ok(Database::new(self.0.schema(), &mapping, dialect)?)
    }
}
