#!/bin/sh
# Runs tests of git's own suite against a node: run.sh GIT_SOURCE [test …], GIT_SOURCE being a built tree of git
# (`apt-get source git`, then `make`). Each script is copied and changed in five ways: lib-git-daemon.sh is ours;
# repositories have no work tree in the served directory; each is served as <name>.git; the request line is not looked
# for in the trace of git, because the helper writes it; nor are git's words about a TCP connection.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1/t"
shift

ALKNET=$(cd "$here/../../../../host/bin" && pwd)/alknet.js
GIT_TEST_INSTALLED=$(dirname "$(command -v git)")
export ALKNET GIT_TEST_INSTALLED
test $# -gt 0 || set -- t5570-git-daemon t5700-protocol-v1 t5702-protocol-v2
for name; do
	sed \
		-e "s#^\. .*/lib-git-daemon.sh#. '$here/lib-alknet-daemon.sh'#" \
		-e 's#^daemon_parent=.*#daemon_parent=$PWD/served/parent#' \
		-e 's#git init "$daemon_parent"#git init --separate-git-dir="$GIT_DAEMON_DOCUMENT_ROOT_PATH/parent.git" "$daemon_parent"#' \
		-e '/grep "[a-z-]*> .*version=[12].*" log/s/.*/true \&\&/' \
		-e 's/^\tcheck_verbose_connect/\ttrue/' \
		"$name.sh" >"$name-alknet.sh"
	sh "./$name-alknet.sh" 2>&1 | grep -E '^(ok|not ok|# |1\.\.|error|skip)' || true
done
