// Run by close.test.ts in a separate process, which must exit without close().
import { connect } from "../../src/index.js";

const { runtime } = await connect(process.argv[2]);
const { runtimeName } = await runtime.version();
process.stdout.write(`${runtimeName}\n`);
