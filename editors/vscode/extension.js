// Starts `cai-compile lsp`; all that is known about the language is in there.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const command = workspace.getConfiguration("constitution").get("compiler") || "cai-compile";
  const watcher = workspace.createFileSystemWatcher("**/*.{const,j2}");
  client = new LanguageClient(
    "constitution",
    "Constitution",
    { command, args: ["lsp"] },
    { documentSelector: [{ language: "constitution" }], synchronize: { fileEvents: watcher } },
  );
  await client.start();
};

exports.deactivate = () => client?.stop();
