//! One request, one answer.

use std::io::Write;
use std::path::Path;

use caseward::author::editor::{Place, Replacement};
use caseward::{FilePart, Source, files, format};
use ls_types::{
    CodeActionParams, CodeLensParams, CompletionParams, DocumentFormattingParams, GotoDefinitionParams,
    HoverParams, Location, Position, PrepareRenameResponse, ReferenceParams, RenameParams,
    TextDocumentPositionParams, TextEdit, Uri,
};
use lsp_server::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::desk::Desk;
use super::lines::Lines;
use super::server::{Document, Server};
use super::shapes;
use crate::input::MAX_WRITTEN;

/// What an answer is refused with.
pub(super) type Refusal = (ErrorCode, String);

/// A place in an open file: the folder, the file, and the byte.
struct At<'a> {
    document: &'a Document,
    desk: &'a Desk,
    text: &'a str,
    byte: usize,
}

impl<W: Write> Server<W> {
    pub(super) fn answer(&self, method: &str, params: Json) -> Result<Json, Refusal> {
        match method {
            "textDocument/completion" => told(self.complete(&read(params)?)),
            "textDocument/hover" => told(self.hover(&read(params)?)),
            "textDocument/definition" => told(self.definition(&read(params)?)),
            "textDocument/references" => told(self.references(&read(params)?)),
            "textDocument/prepareRename" => told(self.prepare_rename(&read(params)?)),
            "textDocument/rename" => self.rename(&read(params)?).and_then(told),
            "textDocument/formatting" => told(self.format(&read(params)?)),
            "textDocument/codeLens" => told(self.lenses(&read(params)?)),
            "textDocument/codeAction" => told(self.mendings(&read(params)?)),
            _ => Err((ErrorCode::MethodNotFound, format!("`{method}` is not known"))),
        }
    }

    fn at(&self, uri: &Uri, place: Position) -> Option<At<'_>> {
        let document = self.open.get(uri.as_str())?;
        let desk = self.desks.get(&document.root)?;
        let text = desk.folder.text(&document.name)?;
        Some(At { document, desk, text, byte: Lines::of(text, self.columns).byte(place) })
    }

    fn at_params(&self, params: &TextDocumentPositionParams) -> Option<At<'_>> {
        self.at(&params.text_document.uri, params.position)
    }

    fn complete(&self, params: &CompletionParams) -> Option<Json> {
        let at = self.at_params(&params.text_document_position)?;
        let all = at.desk.folder.complete(&at.document.name, at.byte);
        let lines = Lines::of(at.text, self.columns);
        let items = all.iter().enumerate().map(|(n, one)| shapes::completion(n, one, &lines));
        Some(json!({ "isIncomplete": false, "items": items.collect::<Vec<_>>() }))
    }

    fn hover(&self, params: &HoverParams) -> Option<Json> {
        let at = self.at_params(&params.text_document_position_params)?;
        let found = at.desk.folder.hover(&at.document.name, at.byte)?;
        let range = Lines::of(at.text, self.columns).range(found.span);
        Some(json!({ "contents": { "kind": "markdown", "value": found.text }, "range": range }))
    }

    fn definition(&self, params: &GotoDefinitionParams) -> Option<Vec<Location>> {
        let at = self.at_params(&params.text_document_position_params)?;
        let places = at.desk.folder.definition(&at.document.name, at.byte);
        Some(self.locations(&at.document.root, at.desk, &places))
    }

    fn references(&self, params: &ReferenceParams) -> Option<Vec<Location>> {
        let at = self.at_params(&params.text_document_position)?;
        let with_definition = params.context.include_declaration;
        let places = at.desk.folder.references(&at.document.name, at.byte, with_definition);
        Some(self.locations(&at.document.root, at.desk, &places))
    }

    fn prepare_rename(&self, params: &TextDocumentPositionParams) -> Option<PrepareRenameResponse> {
        let at = self.at_params(params)?;
        let found = at.desk.folder.renamable(&at.document.name, at.byte)?;
        let range = Lines::of(at.text, self.columns).range(found.span);
        Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: found.name })
    }

    fn rename(&self, params: &RenameParams) -> Result<Option<Json>, Refusal> {
        let Some(at) = self.at_params(&params.text_document_position) else { return Ok(None) };
        let name = params.new_name.trim();
        let renaming = at.desk.folder.rename(&at.document.name, at.byte, name);
        let renaming = renaming.map_err(|error| (ErrorCode::RequestFailed, error.to_string()))?;
        if let ([(from, to), ..], false) = (renaming.files.as_slice(), self.client.renames_files) {
            let why = format!(
                "the file `{from}` would have to be called `{to}`, and this editor lets no server rename files: rename the \
                 file yourself, and let `caseward validate` say what names it"
            );
            return Err((ErrorCode::RequestFailed, why));
        }
        Ok(Some(self.workspace_edit(&at.document.root, at.desk, &renaming)))
    }

    fn format(&self, params: &DocumentFormattingParams) -> Option<Vec<TextEdit>> {
        let at = self.at(&params.text_document.uri, Position::default())?;
        let part = at.desk.folder.part(&at.document.name)?;
        let is_policies =
            matches!(part, FilePart::Policy | FilePart::Invariant | FilePart::Guarantee | FilePart::Fit);
        // What cannot be parsed is left as it is; its problems are told.
        let laid_out =
            format(&Source::new(at.document.name.as_str(), at.text)).ok().filter(|_| is_policies)?;
        let laid_out = shapes::with_ends_of(at.text, laid_out);
        Some(shapes::difference(at.text, &laid_out, &Lines::of(at.text, self.columns)))
    }

    fn lenses(&self, params: &CodeLensParams) -> Option<Vec<Json>> {
        let at = self.at(&params.text_document.uri, Position::default())?;
        let lines = Lines::of(at.text, self.columns);
        let lenses = at.desk.folder.lenses(&at.document.name, at.desk.coverage.as_ref());
        let shown = lenses.iter().map(|lens| {
            let range = lines.range(lens.span.clone());
            let cases = self.locations(&at.document.root, at.desk, &lens.cases);
            let command = json!({
                "title": lens.title(),
                "command": "caseward.showCases",
                "arguments": [params.text_document.uri, range.start, cases],
            });
            json!({ "range": range, "command": command })
        });
        Some(shown.collect())
    }

    fn mendings(&self, params: &CodeActionParams) -> Option<Vec<Json>> {
        let start = self.at(&params.text_document.uri, params.range.start)?;
        let end = self.at(&params.text_document.uri, params.range.end)?.byte;
        let lines = Lines::of(start.text, self.columns);
        let own = start.desk.all_found().filter(|found| {
            let span = found.problem.span.map_or(0..0, |span| span.range());
            found.file.as_ref() == start.document.name && span.start <= end && start.byte <= span.end
        });
        let mut all = Vec::new();
        for found in own {
            let mendings = start.desk.folder.mendings(found).into_iter();
            for mending in mendings.filter(|one| self.stand(&start.document.root, start.desk, &one.edits)) {
                let edits = self.edits(&start.document.root, start.desk, &mending.edits);
                all.push(json!({
                    "title": mending.title,
                    "kind": "quickfix",
                    "diagnostics": [shapes::diagnostic(found, &lines)],
                    "isPreferred": mending.is_preferred,
                    "edit": { "changes": edits },
                }));
            }
        }
        Some(all)
    }

    /// Whether the files of edits stand as they were looked at: those that are not open may have changed on the disk.
    fn stand(&self, root: &Path, desk: &Desk, edits: &[Replacement]) -> bool {
        edits.iter().all(|edit| {
            let name = edit.place.file.as_ref();
            let is_open = |document: &Document| document.root == root && document.name == name;
            self.open.values().any(is_open)
                || files::read_text(&root.join(name), MAX_WRITTEN).ok().as_deref()
                    == desk.folder.text(name).map(AsRef::as_ref)
        })
    }

    fn locations(&self, root: &Path, desk: &Desk, places: &[Place]) -> Vec<Location> {
        let mut all = Vec::new();
        // They come file by file.
        for own in places.chunk_by(|a, b| a.file == b.file) {
            let Some(file) = own.first().map(|place| &place.file) else { continue };
            let (Some((uri, _)), Some(text)) = (self.uri_of(root, file), desk.folder.text(file)) else {
                continue;
            };
            let lines = Lines::of(text, self.columns);
            all.extend(own.iter().map(|place| Location::new(uri.clone(), lines.range(place.span.clone()))));
        }
        all
    }
}

fn read<P: DeserializeOwned>(params: Json) -> Result<P, Refusal> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn told(answer: impl Serialize) -> Result<Json, Refusal> {
    serde_json::to_value(answer).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}
