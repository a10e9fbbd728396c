// Listens on a socket and kills itself, so that the socket file remains.
import { createServer } from "node:net";

createServer().listen(process.argv[2], () => process.kill(process.pid, "SIGKILL"));
