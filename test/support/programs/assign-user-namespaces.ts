// Assigns ids to pods, all at once, and prints them.
import { LocalNodeFiles } from "../../../src/kubernetes/node/local-node-files.js";

const [rootDir = "", podLogsDir = "", ...pods] = process.argv.slice(2);
const files = new LocalNodeFiles({ rootDir, podLogsDir });
console.log(JSON.stringify(await Promise.all(pods.map((pod) => files.userNamespaceHostId(pod)))));
