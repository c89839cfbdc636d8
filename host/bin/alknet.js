#!/usr/bin/env node
// Completing has no time to load the whole command.
await import(process.argv[2] === '__complete' ? '../dist/cli/complete.js' : '../dist/cli/main.js');
