// Switches to the user `nobody`, makes one call and prints the error as JSON.
import { createTransport } from "../../../src/transport/transport.js";
import { connectFailure, version } from "../calls.js";

process.setgid?.(65_534);
process.setuid?.(65_534);
const { code, reason, hint } = await connectFailure(version(createTransport(process.argv[2] ?? "")));
process.stdout.write(JSON.stringify({ code, reason, hint }));
