// Serves an embedded runtime with scripted programs on a socket until it is killed.
import { EmbeddedRuntime } from "../../../src/testing/index.js";
import { busybox } from "../embedded.js";
import { programs } from "../scripted-programs.js";

const runtime = await EmbeddedRuntime.start({ programs, preload: [busybox], socket: process.argv[2] ?? "" });
process.stdout.write(`${runtime.endpoint}\n`);
