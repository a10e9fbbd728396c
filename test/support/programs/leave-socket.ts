// Listens on a socket, and dies without removing it.
import { createServer } from "node:net";

createServer().listen(process.argv[2], () => process.kill(process.pid, "SIGKILL"));
