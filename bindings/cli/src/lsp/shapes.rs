//! The library's answers in the protocol's words.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use caseward::Severity;
use caseward::author::editor::{Completion, CompletionKind, Found, Renaming, Replacement};
use ls_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Diagnostic, DiagnosticSeverity, Documentation,
    MarkupContent, MarkupKind, NumberOrString, TextEdit,
};
use serde_json::{Value as Json, json};

use super::desk::Desk;
use super::lines::{Columns, Lines};
use super::server::Server;

/// What the server can do.
pub(super) fn capabilities(columns: Columns) -> Json {
    json!({
        "positionEncoding": columns.kind(),
        "textDocumentSync": { "openClose": true, "change": 2 },
        "completionProvider": { "triggerCharacters": [".", "@", "\"", ":", "/"] },
        "hoverProvider": true,
        "definitionProvider": true,
        "referencesProvider": true,
        "renameProvider": { "prepareProvider": true },
        "documentFormattingProvider": true,
        "codeLensProvider": { "resolveProvider": false },
        "codeActionProvider": { "codeActionKinds": ["quickfix"] },
    })
}

pub(super) fn diagnostic(found: &Found, lines: &Lines<'_>) -> Diagnostic {
    let problem = &found.problem;
    let message = match &problem.help {
        Some(help) => format!("{}\n{help}", problem.message),
        None => problem.message.clone(),
    };
    Diagnostic {
        range: lines.range(problem.span.map_or(0..0, |span| span.range())),
        severity: Some(match problem.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: found.lint.map(|lint| NumberOrString::String(lint.name().to_owned())),
        source: Some("caseward".to_owned()),
        message,
        ..Diagnostic::default()
    }
}

pub(super) fn completion(n: usize, one: &Completion, lines: &Lines<'_>) -> CompletionItem {
    CompletionItem {
        label: one.label.clone(),
        kind: Some(match one.kind {
            CompletionKind::Word => CompletionItemKind::KEYWORD,
            CompletionKind::Variable => CompletionItemKind::VARIABLE,
            CompletionKind::Type => CompletionItemKind::CLASS,
            CompletionKind::Action => CompletionItemKind::EVENT,
            CompletionKind::Attribute => CompletionItemKind::FIELD,
            CompletionKind::Call => CompletionItemKind::METHOD,
            CompletionKind::Annotation => CompletionItemKind::PROPERTY,
            CompletionKind::Value => CompletionItemKind::VALUE,
            CompletionKind::Policy => CompletionItemKind::MODULE,
            CompletionKind::Condition => CompletionItemKind::CONSTANT,
            CompletionKind::Entity => CompletionItemKind::ENUM_MEMBER,
        }),
        detail: one.detail.clone(),
        documentation: one
            .documentation
            .clone()
            .map(|value| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value })),
        // They come in the order in which they are of use.
        sort_text: Some(format!("{n:05}")),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(
            lines.range(one.span.clone()),
            one.label.clone(),
        ))),
        ..CompletionItem::default()
    }
}

/// What leads from one text to another: one part, without what they have alike at both ends.
pub(super) fn difference(old: &str, new: &str, lines: &Lines<'_>) -> Vec<TextEdit> {
    if old == new {
        return Vec::new();
    }
    let alike = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let start = new.floor_char_boundary(old.floor_char_boundary(alike));
    let rest = |text: &str| text.len() - start;
    let most = rest(old).min(rest(new));
    let behind = old.bytes().rev().zip(new.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    let mut end = old.len() - behind;
    while !old.is_char_boundary(end) {
        end += 1;
    }
    let behind = old.len() - end;
    let text = new.get(start..new.len() - behind).unwrap_or_default();
    vec![TextEdit::new(lines.range(start..end), text.to_owned())]
}

/// A text with the ends of lines that a file has.
pub(super) fn with_ends_of(file: &str, text: String) -> String {
    match file.contains("\r\n") {
        true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => text,
    }
}

impl<W: Write> Server<W> {
    /// Edits by the URI of their file.
    pub(super) fn edits(
        &self,
        root: &Path,
        desk: &Desk,
        all: &[Replacement],
    ) -> BTreeMap<String, Vec<TextEdit>> {
        let mut by_uri: BTreeMap<String, Vec<TextEdit>> = BTreeMap::new();
        for own in all.chunk_by(|a, b| a.place.file == b.place.file) {
            let Some(file) = own.first().map(|edit| &edit.place.file) else { continue };
            let (Some((uri, _)), Some(text)) = (self.uri_of(root, file), desk.folder.text(file)) else {
                continue;
            };
            let lines = Lines::of(text, self.columns);
            let edits = own.iter().map(|edit| {
                TextEdit::new(lines.range(edit.place.span.clone()), with_ends_of(text, edit.text.clone()))
            });
            by_uri.entry(uri.as_str().to_owned()).or_default().extend(edits);
        }
        by_uri
    }

    /// What a renaming changes, files last: edits go by the names that they have before.
    pub(super) fn workspace_edit(&self, root: &Path, desk: &Desk, renaming: &Renaming) -> Json {
        let edits = self.edits(root, desk, &renaming.edits);
        if !self.client.versions_edits {
            return json!({ "changes": edits });
        }
        let edits = edits.into_iter().map(|(uri, edits)| {
            let version = self.open.get(&uri).map(|document| document.version);
            json!({ "textDocument": { "uri": uri, "version": version }, "edits": edits })
        });
        let files = renaming.files.iter().filter_map(|(from, to)| {
            let (from, _) = self.uri_of(root, from)?;
            let (to, _) = self.uri_of(root, to)?;
            Some(json!({ "kind": "rename", "oldUri": from, "newUri": to, "options": { "overwrite": false } }))
        });
        json!({ "documentChanges": edits.chain(files).collect::<Vec<_>>() })
    }
}
