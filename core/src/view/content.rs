//! Content within a view: it stands in a store beside the facts, no rule reads it, and a view says where it belongs.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::{Field, Section, View};
use crate::model::EntityUid;

impl Field {
    /// Where a field of content is kept, as the entity that has it and its name there: of `student.name`, the student
    /// and `name`.
    pub fn key(&self) -> (EntityUid, String) {
        let name = self.name.rsplit('.').next().unwrap_or_default();
        (self.of.clone(), name.to_owned())
    }
}

impl View {
    /// The fields of content that it shows, those of its entries among them.
    pub fn content(&self) -> impl Iterator<Item = &Field> {
        let entries = self.items.iter().flat_map(|item| &item.sections);
        let fields = self.sections.iter().chain(entries).flat_map(|section| &section.fields);
        fields.filter(|field| field.content)
    }

    /// The view in JSON, with content as the `value` of its fields; `content` gives it by [`Field::key`]. A field whose
    /// content is not in it has `null`, and what the view does not show is not taken from it.
    ///
    /// # Errors
    /// None that is known of: an entity, a name and a value can be written in JSON.
    pub fn to_json(&self, content: &HashMap<(EntityUid, String), Json>) -> Result<Json, serde_json::Error> {
        let mut json = serde_json::to_value(self)?;
        fill(&self.sections, json.get_mut("sections"), content);
        for (item, json) in self.items.iter().zip(entries(json.get_mut("items"))) {
            fill(&item.sections, json.get_mut("sections"), content);
        }
        Ok(json)
    }
}

fn entries(json: Option<&mut Json>) -> impl Iterator<Item = &mut Json> {
    json.and_then(Json::as_array_mut).into_iter().flatten()
}

fn fill(sections: &[Section], json: Option<&mut Json>, content: &HashMap<(EntityUid, String), Json>) {
    for (section, json) in sections.iter().zip(entries(json)) {
        for (field, json) in section.fields.iter().zip(entries(json.get_mut("fields"))) {
            let held = Some(field).filter(|field| field.content).and_then(|field| content.get(&field.key()));
            if let (Some(held), Some(value)) = (held, json.get_mut("value")) {
                *value = held.clone();
            }
        }
    }
}
