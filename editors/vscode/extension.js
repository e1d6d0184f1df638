// Starts `cai-compile lsp`; all that is known about the language is in there.
const { window, workspace } = require("vscode");
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
  try {
    await client.start();
  } catch {
    client = undefined;
    window.showErrorMessage(
      `${command} lsp does not start. Install it with pip install 'constitution-compiler[lsp]', or say in the setting constitution.compiler where it is.`,
    );
  }
};

exports.deactivate = () => client?.stop();
