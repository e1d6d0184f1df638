// Starts the packed extension as an editor would, on the real server, and prints what it shows: node drive.js EXTENSION COMPILER FILE
const Module = require("module");
const path = require("path");
const fs = require("fs");
const { vscode, settings, events, shown, providers } = require("./vscode_api.js");

const load = Module._load;
Module._load = (name, ...more) => (name === "vscode" ? vscode : load(name, ...more));

const [folder, compiler, file] = process.argv.slice(2);
const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
const extension = require(path.join(folder, manifest.main));
settings.set("constitution.compiler", compiler);

const document = (text, version) => ({
  uri: vscode.Uri.file(file), languageId: "constitution", version, isClosed: false, isDirty: false, getText: () => text,
  lineCount: text.split("\n").length, fileName: file,
});
const until = async (what, holds) => {
  for (let waited = 0; waited < 30000; waited += 20) {
    if (holds()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`${what} did not happen; shown: ${JSON.stringify(shown)}`);
};
const codes = () => (shown.diagnostics.get(vscode.Uri.file(file).toString()) || []).map((each) => each.code);

(async () => {
  const text = fs.readFileSync(file, "utf8");
  await extension.activate({ subscriptions: [] });
  if (Object.keys(providers).length === 0) {
    console.log(JSON.stringify({ messages: shown.messages }));
    return;
  }
  let open = document(text, 1);
  vscode.workspace.textDocuments.push(open);
  await events.Open.fire(open);
  const at = text.indexOf("prefer harm");
  const line = text.slice(0, at).split("\n").length - 1;
  const range = new vscode.Range(line, at - text.lastIndexOf("\n", at) - 1, line, at - text.lastIndexOf("\n", at) - 1 + "prefer harm".length);
  const broken = text.replace("prefer harm", "prefer harn");
  open = document(broken, 2);
  await events.Change.fire({ document: open, contentChanges: [{ range, rangeOffset: at, rangeLength: 11, text: "prefer harn" }], reason: undefined });
  await until("E501", () => codes().includes("E501"));
  const wrong = codes();
  open = document(text, 3);
  await events.Change.fire({ document: open, contentChanges: [{ range, rangeOffset: at, rangeLength: 11, text: "prefer harm" }], reason: undefined });
  await until("the correction", () => !codes().includes("E501"));
  const token = new vscode.CancellationTokenSource().token;
  const place = new vscode.Position(line, range.start.character + 8);
  const hover = await providers.registerHoverProvider.provideHover(open, place, token);
  const hints = await providers.registerInlayHintsProvider.provideInlayHints(open, new vscode.Range(0, 0, 999, 0), token);
  await extension.deactivate();
  console.log(JSON.stringify({ wrong, hover: hover.contents.map((each) => each.value), hints: hints.map((each) => each.label), providers: Object.keys(providers).sort(), messages: shown.messages }));
})().catch((error) => { console.error(error); process.exit(1); });
