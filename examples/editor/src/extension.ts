// Starts `caseward lsp` and shows what it answers. It knows nothing of policies itself.

import { type ExtensionContext, Location, Position, Range, Uri, commands, window, workspace } from 'vscode';
import { LanguageClient, type LanguageClientOptions, type ServerOptions } from 'vscode-languageclient/node';

let client: LanguageClient | undefined;

/** Policies and schemas, and beside a schema the files that go with them. */
const SELECTED = [
  { scheme: 'file', language: 'cedar' },
  { scheme: 'file', language: 'cedarschema' },
  { scheme: 'file', pattern: '**/{fields,annotations,matrix}.toml' },
  { scheme: 'file', pattern: '**/tests/**/*.toml' },
  { scheme: 'file', pattern: '**/tests/**/{ALLOW,DENY}/**/*.json' },
];

interface Place {
  readonly line: number;
  readonly character: number;
}

interface Case {
  readonly uri: string;
  readonly range: { readonly start: Place; readonly end: Place };
}

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand('caseward.restart', restart),
    // The lens above a policy: the cases that name it.
    commands.registerCommand('caseward.showCases', (uri: string, at: Place, cases: readonly Case[]) => {
      const position = ({ line, character }: Place) => new Position(line, character);
      const places = cases.map(({ uri, range }) => new Location(Uri.parse(uri), new Range(position(range.start), position(range.end))));
      return commands.executeCommand('editor.action.showReferences', Uri.parse(uri), position(at), places);
    }),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('caseward')) void restart();
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function restart(): Promise<void> {
  await client?.stop().catch(() => {});
  await start();
}

async function start(): Promise<void> {
  const settings = workspace.getConfiguration('caseward');
  const command = settings.get('command', 'caseward');
  const policies = settings.get('policies', '');
  const server: ServerOptions = { command, args: ['lsp', ...(policies === '' ? [] : ['--policies', policies])] };
  const options: LanguageClientOptions = { documentSelector: SELECTED };
  client = new LanguageClient('caseward', 'Caseward', server, options);
  try {
    await client.start();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void window.showErrorMessage(`Caseward: \`${command} lsp\` does not start (${why}). Install it with \`cargo install --path bindings/cli\`, or set \`caseward.command\`.`);
  }
}
