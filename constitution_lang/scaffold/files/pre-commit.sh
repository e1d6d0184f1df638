#!/bin/sh
# Refuses a commit of constitutions with errors, out of form, or against their own tests. Turn it on with: git config core.hooksPath .githooks
# It looks at what is committed, which may be other than what stands in the folder. With --all it looks at every
# constitution, also where none has changed.
set -eu
if test "${1:-}" = --all; then
  listed() { git ls-files -z -- '*.const'; }
else
  git diff --cached --quiet -- '*.const' '*.j2' && exit 0
  listed() { git diff --cached --name-only --diff-filter=ACMR -z -- '*.const'; }
fi
command -v cai-compile >/dev/null || { echo "pre-commit: cai-compile is not installed" >&2; exit 1; }

staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
git checkout-index --all --prefix="$staged/"
failed=0
listed | (cd "$staged" && xargs -0 sh -c 'test $# = 0 || cai-compile fmt --check -- "$@"' sh) || failed=1
# All constitutions, as a changed file may be one that another uses.
cd "$staged"
wrong=$(find . -name '*.const' -exec grep -q '^constitution ' {} ';' \
  ! -exec sh -c 'cai-compile check -- "$1" >&2 && cai-compile test -- "$1" >&2' sh {} ';' -print)
test -z "$wrong" || failed=1
exit $failed
