// As much of the module `vscode` as vscode-languageclient needs to start, to tell the server of a document, and to be asked.
// What an editor would show is kept in `shown`, and what it would ask for is found in `providers`.
const { pathToFileURL, fileURLToPath } = require("url");

class Disposable { constructor(end) { this.dispose = end || (() => {}); } static from(...all) { return new Disposable(() => all.forEach((each) => each.dispose())); } }
class EventEmitter {
  constructor() {
    this.listeners = new Set();
    this.event = (listener, self) => {
      const bound = self ? listener.bind(self) : listener;
      this.listeners.add(bound);
      return new Disposable(() => this.listeners.delete(bound));
    };
  }
  fire(event) { return Promise.all([...this.listeners].map((listener) => listener(event))); }
  dispose() { this.listeners.clear(); }
}
class CancellationTokenSource { constructor() { this.token = { isCancellationRequested: false, onCancellationRequested: new EventEmitter().event }; } cancel() {} dispose() {} }
class Position { constructor(line, character) { Object.assign(this, { line, character }); } }
class Range { constructor(...at) { [this.start, this.end] = at.length === 4 ? [new Position(at[0], at[1]), new Position(at[2], at[3])] : at; } }
class Location { constructor(uri, range) { Object.assign(this, { uri, range }); } }
class Diagnostic { constructor(range, message, severity) { Object.assign(this, { range, message, severity }); } }
class MarkdownString { constructor(value = "") { this.value = value; } appendMarkdown(text) { this.value += text; return this; } appendCodeblock(text) { this.value += text; return this; } }
class Hover { constructor(contents, range) { Object.assign(this, { contents: [contents].flat(), range }); } }
class CompletionItem { constructor(label, kind) { Object.assign(this, { label, kind }); } }
class CompletionList { constructor(items = [], isIncomplete = false) { Object.assign(this, { items, isIncomplete }); } }
class TextEdit { constructor(range, newText) { Object.assign(this, { range, newText }); } static replace(range, text) { return new TextEdit(range, text); } }
class WorkspaceEdit { constructor() { this.changes = new Map(); } set(uri, edits) { this.changes.set(uri.toString(), edits); } }
class InlayHint { constructor(position, label, kind) { Object.assign(this, { position, label, kind }); } }
class FoldingRange { constructor(start, end, kind) { Object.assign(this, { start, end, kind }); } }
class CodeAction { constructor(title, kind) { Object.assign(this, { title, kind }); } }
class CodeActionKind { constructor(value) { this.value = value; } static QuickFix = new CodeActionKind("quickfix"); append(part) { return new CodeActionKind(`${this.value}.${part}`); } contains() { return false; } }
class Uri {
  constructor(text) { this.text = text; this.scheme = text.split(":")[0]; this.path = this.scheme === "file" ? new URL(text).pathname : ""; }
  static parse(text) { return new Uri(text); }
  static file(path) { return new Uri(pathToFileURL(path).href); }
  get fsPath() { return fileURLToPath(this.text); }
  toString() { return this.text; }
}
const numbered = (...names) => Object.fromEntries(names.map((name, number) => [name, number]));

const settings = new Map();
const events = Object.fromEntries(["Open", "Close", "Change", "Save"].map((name) => [name, new EventEmitter()]));
const shown = { diagnostics: new Map(), messages: [], output: [] };
const providers = {};
const silent = () => new Disposable();
const channel = (name) => ({ name, logLevel: 3, onDidChangeLogLevel: silent, append: (t) => shown.output.push(t), appendLine: (t) => shown.output.push(t), ...Object.fromEntries(["info", "warn", "error", "debug", "trace"].map((level) => [level, (t) => shown.output.push(t)])), show() {}, dispose() {} });
const told = (...message) => { shown.messages.push(message[0]); return Promise.resolve(undefined); };

const workspace = {
  textDocuments: [], notebookDocuments: [], workspaceFolders: undefined, name: undefined, isTrusted: true,
  onDidOpenTextDocument: events.Open.event, onDidCloseTextDocument: events.Close.event,
  onDidChangeTextDocument: events.Change.event, onDidSaveTextDocument: events.Save.event,
  getConfiguration: (section) => ({ get: (key, otherwise) => settings.get(`${section}.${key}`) ?? otherwise, inspect: () => undefined }),
  createFileSystemWatcher: () => ({ onDidCreate: silent, onDidChange: silent, onDidDelete: silent, dispose() {} }),
  getWorkspaceFolder: () => undefined, asRelativePath: String, applyEdit: async () => true,
};
const languages = {
  match: (selector, document) => ([selector].flat().some((each) => each === document.languageId || each.language === document.languageId) ? 10 : 0),
  createDiagnosticCollection: (name) => ({ name, set: (uri, all) => shown.diagnostics.set(uri.toString(), all || []), delete: (uri) => shown.diagnostics.delete(uri.toString()), clear: () => shown.diagnostics.clear(), dispose() {} }),
};
const window = {
  createOutputChannel: channel, showErrorMessage: told, showWarningMessage: told, showInformationMessage: told,
  visibleTextEditors: [], activeTextEditor: undefined, tabGroups: { all: [], onDidChangeTabs: silent, onDidChangeTabGroups: silent },
  withProgress: (_, work) => work({ report() {} }, new CancellationTokenSource().token),
};
const api = {
  Disposable, EventEmitter, CancellationTokenSource, Position, Range, Location, Diagnostic, MarkdownString, Hover, CompletionItem, CompletionList,
  TextEdit, WorkspaceEdit, InlayHint, FoldingRange, CodeAction, CodeActionKind, Uri, version: "1.82.0",
  env: { appName: "Driver", language: "en", onDidChangeLogLevel: silent, logLevel: 3 }, extensions: { all: [], getExtension: () => undefined },
  commands: { registerCommand: silent, executeCommand: async () => undefined },
  DiagnosticSeverity: numbered("Error", "Warning", "Information", "Hint"), TextDocumentSaveReason: { Manual: 1, AfterDelay: 2, FocusOut: 3 },
  CompletionItemKind: numbered("Text", "Method", "Function", "Constructor", "Field", "Variable", "Class", "Interface", "Module", "Property", "Unit", "Value", "Enum", "Keyword"),
  CompletionTriggerKind: numbered("Invoke", "TriggerCharacter", "TriggerForIncompleteCompletions"), CodeActionTriggerKind: { Invoke: 1, Automatic: 2 },
  LogLevel: numbered("Off", "Trace", "Debug", "Info", "Warning", "Error"),
  workspace: open(workspace, silent), languages: open(languages, (name) => (...given) => { providers[name] = given.find((each) => each && !Array.isArray(each) && Object.keys(each).some((key) => key.startsWith("provide"))); return new Disposable(); }),
  window: open(window, silent),
};

// Anything else is an event that never happens, or a class of which nothing is asked.
function open(object, otherwise) {
  return new Proxy(object, { get: (target, name) => (name in target ? target[name] : otherwise === silent ? silent : otherwise(name)) });
}
class Unused { constructor(...given) { this.given = given; } }
module.exports = { vscode: new Proxy(api, { get: (target, name) => (name in target || typeof name === "symbol" ? target[name] : class extends Unused {}) }), settings, events, shown, providers };
