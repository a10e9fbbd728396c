// Runs a program of the checkout from the build in .build/: node scripts/run-built.mjs scripts/conformance.ts [ARGUMENT]...
// A TypeScript loader would take half of the memory of a program that runs for long. Without a program, only builds: the compiler
// takes memory, too.
import { fileURLToPath, pathToFileURL } from "node:url";
import { stop } from "esbuild";
import { buildTests } from "./build-tests.mjs";

const [program] = process.argv.splice(2, 1);
await buildTests();
await stop();
if (program) {
  const built = fileURLToPath(new URL(`../.build/${program.replace(/\.ts$/, ".js")}`, import.meta.url));
  process.argv[1] = built;
  await import(pathToFileURL(built).href);
}
