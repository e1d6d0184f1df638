#!/bin/sh
# Refuses a commit of constitutions with errors or out of form. Turn it on with: git config core.hooksPath .githooks
# It looks at what is committed, which may be other than what stands in the folder.
set -eu
changed=$(git diff --cached --name-only --diff-filter=ACMR -- '*.const')
test -n "$changed" || exit 0
command -v cai-compile >/dev/null || { echo "pre-commit: cai-compile is not installed" >&2; exit 1; }

staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
git checkout-index --all --prefix="$staged/"
cd "$staged"
failed=0
while IFS= read -r file; do
  cai-compile fmt --check "$file" || failed=1
done <<END
$changed
END
# All constitutions, as a changed file may be one that another uses.
for file in $(grep -rl --include='*.const' '^constitution ' . | tr ' ' '?'); do
  cai-compile check "$file" || failed=1
done
exit $failed
