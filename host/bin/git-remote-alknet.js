#!/usr/bin/env node
// Run by git for URLs that begin with alknet://, as `git-remote-alknet REMOTE URL`.
await import('../dist/cli/git-remote.js');
