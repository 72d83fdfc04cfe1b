// CodeMirror with Cedar's words in colours and its problems under the text.

import { type CompletionContext, autocompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { HighlightStyle, StreamLanguage, bracketMatching, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { linter, lintKeymap } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

import type { Marked } from '../worker/rules.ts';

const WORDS = /^(permit|forbid|when|unless|if|then|else|in|has|like|is|principal|action|resource|context|true|false)\b/;
const CALLS = /^(contains|containsAll|containsAny|isEmpty|hasTag|getTag|datetime|duration|decimal|ip|offset|durationSince|toDate|toTime|lessThan|greaterThan)\b(?=\s*\()/;

const cedar = StreamLanguage.define({
  name: 'cedar',
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^\/\/.*/)) return 'comment';
    if (stream.match(/^"(?:\\.|[^"\\])*"?/)) return 'string';
    if (stream.match(/^@\w+/)) return 'meta';
    if (stream.match(/^-?\d+/)) return 'number';
    if (stream.match(CALLS)) return 'variableName.function';
    if (stream.match(WORDS)) return 'keyword';
    if (stream.match(/^[A-Z]\w*(?=::|\s)/)) return 'typeName';
    if (stream.match(/^\w+/)) return 'variableName';
    if (stream.match(/^(&&|\|\||[!=<>]=?|[-+*])/)) return 'operator';
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: '//' } },
});

const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--code-word)', fontWeight: '600' },
  { tag: tags.string, color: 'var(--code-text)' },
  { tag: tags.comment, color: 'var(--soft)', fontStyle: 'italic' },
  { tag: tags.meta, color: 'var(--code-note)' },
  { tag: tags.typeName, color: 'var(--code-type)' },
  { tag: tags.function(tags.variableName), color: 'var(--code-type)' },
]);

const LOOK = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--paper)', fontSize: '0.875rem' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'var(--wash)', color: 'var(--soft)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--wash)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--select) !important' },
  '.cm-tooltip, .cm-panels': { backgroundColor: 'var(--paper)', color: 'var(--ink)', border: '1px solid var(--line)' },
  '.cm-declared': { margin: '0', padding: '0.375rem 0.5rem', fontFamily: 'var(--mono)', whiteSpace: 'pre-wrap', maxWidth: '30rem' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
});

const LANGUAGE = ['permit', 'forbid', 'when', 'unless', 'principal', 'action', 'resource', 'context', 'has', 'like', 'contains', 'datetime'];

/** Completes the language's words, and the names that the schema declares: types, attributes, actions. */
function completes(schema: string) {
  const declared = schema.replace(/\/\/[^\n]*/g, '').match(/[A-Za-z]\w*/g) ?? [];
  const options = [...new Set([...LANGUAGE, ...declared])].map((label) => ({ label }));
  return (context: CompletionContext) => {
    const word = context.matchBefore(/\w+/);
    if (word === null && !context.explicit) return null;
    return { from: word?.from ?? context.pos, options, validFor: /^\w*$/ };
  };
}

/** What the schema says where it declares a name, with the comment above it; a few of them where it does so often. */
export function declared(schema: string, name: string): string[] {
  const lines = schema.split('\n');
  return lines.flatMap((line, at) => {
    const code = line.replace(/\/\/.*$/, '');
    const attribute = new RegExp(`^\\s*(@.*\\s)?"?${name}"?\\??:`).test(code);
    const other = new RegExp(`^\\s*(entity|action|type)\\b.*\\b${name}\\b`).test(code) || new RegExp(`^\\s+[\\w, ]*\\b${name}\\b[\\w, ]*,?$`).test(code);
    if (!attribute && !other) return [];
    const above = lines[at - 1]?.trim() ?? '';
    return [`${above.startsWith('//') ? `${above}\n` : ''}${line.trim()}`];
  }).slice(0, 4);
}

/** What a name is, under the pointer. */
function hovers(schema: string) {
  return hoverTooltip((view, pos) => {
    const word = view.state.wordAt(pos);
    if (word === null) return null;
    const found = declared(schema, view.state.sliceDoc(word.from, word.to));
    if (found.length === 0) return null;
    const create = () => {
      const dom = document.createElement('pre');
      dom.className = 'cm-declared';
      dom.textContent = found.join('\n\n');
      return { dom };
    };
    return { pos: word.from, end: word.to, create };
  });
}

export interface Editor {
  /** Shows a text that came from elsewhere. */
  readonly show: (text: string) => void;
  readonly destroy: () => void;
}

interface Ways {
  readonly label: string;
  readonly schema: string;
  readonly change: (text: string) => void;
  readonly check: (text: string) => Promise<readonly Marked[]>;
}

export function makeEditor(host: HTMLElement, text: string, { label, schema, change, check }: Ways): Editor {
  // A sheet that a shadow adopts is no inline style.
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), highlightSelectionMatches(),
        cedar, syntaxHighlighting(COLOURS), LOOK, indentUnit.of('  '), EditorView.lineWrapping,
        autocompletion({ override: [completes(schema)] }), hovers(schema),
        linter(async (editor) => (await check(editor.state.doc.toString()).catch(() => [])).map(({ from, to, severity, message, help }) => {
          const most = editor.state.doc.length;
          return { from: Math.min(from, most), to: Math.min(Math.max(to, from), most), severity, message: help === null ? message : `${message}\n${help}` };
        }), { delay: 50 }),
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...completionKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) change(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    show: (next) => {
      if (next !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
    },
    destroy: () => view.destroy(),
  };
}
