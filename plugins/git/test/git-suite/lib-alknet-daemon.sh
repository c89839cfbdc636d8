# In the place of lib-git-daemon.sh of git's own test suite: a node of alknet where it would start git-daemon.
# ALKNET names the command; the node serves $GIT_DAEMON_DOCUMENT_ROOT_PATH and takes pushes.

GIT_DAEMON_DOCUMENT_ROOT_PATH="$PWD"/repo
ALKNET_HOME="$PWD"/alknet-node
ALKNET_CONFIG="$ALKNET_HOME"/alknet.config.json
PATH="$ALKNET_HOME/bin:$PATH"
export ALKNET_CONFIG PATH

start_git_daemon() {
	mkdir -p "$GIT_DAEMON_DOCUMENT_ROOT_PATH" "$ALKNET_HOME/bin" &&
	ln -sf "$ALKNET" "$ALKNET_HOME/bin/alknet" &&
	ln -sf "$(dirname "$ALKNET")/git-remote-alknet.js" "$ALKNET_HOME/bin/git-remote-alknet" &&
	(cd "$ALKNET_HOME" && unset ALKNET_CONFIG && alknet init --no-passphrase --listen 127.0.0.1:0) >&3 2>&4 &&
	cat >"$ALKNET_CONFIG" <<-CONFIG &&
	{
	  "dataDir": "./data",
	  "listen": { "quic": "127.0.0.1:0", "tls": "127.0.0.1:0" },
	  "plugins": { "git": { "config": {
	    "root": "$GIT_DAEMON_DOCUMENT_ROOT_PATH",
	    "push": { "enabled": true, "allowForce": ["**"], "allowDelete": ["**"], "allowTagUpdate": ["**"] }
	  } } }
	}
	CONFIG
	{ alknet up --json >"$ALKNET_HOME/ready" 2>&4 & } &&
	ALKNET_PID=$! &&
	test_atexit 'stop_git_daemon' &&
	while ! test -s "$ALKNET_HOME/ready"
	do
		kill -0 "$ALKNET_PID" || error "alknet up ended"
		sleep 0.1
	done &&
	GIT_DAEMON_URL=alknet://local
}

stop_git_daemon() {
	test -n "$ALKNET_PID" || return 0
	kill "$ALKNET_PID"
	wait "$ALKNET_PID" 2>/dev/null
	ALKNET_PID=
}
