// How the quickstart shows what it does: a line for each step, with its time; on a terminal, also the step under way.
const { stdout } = process;
const colour = (code: number) => (text: string) =>
  stdout.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;
const [red, green, grey] = [colour(31), colour(32), colour(90)];

export const say = (line: string): void => console.log(line);

let interrupted = "";
// Ends the run after the step under way, so that all is put away. A second signal ends the process as it always does.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    interrupted = signal;
  });

/** Waits for one step, and prints what it gave with the time that it took. Throws when a signal came meanwhile. */
export async function step<T>(name: string, work: Promise<T>, show?: (result: T) => string): Promise<T> {
  const result = await cleanUp(name, work, show);
  if (interrupted) throw new Error(`ended by ${interrupted}`);
  return result;
}

/** A step that is done in any case. */
export async function cleanUp<T>(
  name: string,
  work: Promise<T>,
  show: (result: T) => string = () => "",
): Promise<T> {
  const began = performance.now();
  if (stdout.isTTY) stdout.write(grey(`… ${name}`));
  const ended = (mark: string, text: string) => {
    const took = grey(`${(performance.now() - began).toFixed(1).padStart(7)} ms`);
    const begin = stdout.isTTY ? `\r\x1b[2K${mark} ` : "";
    say(`${begin}${name.padEnd(10)} ${took}  ${text}`.trimEnd());
  };
  let result: T;
  try {
    result = await work;
  } catch (error) {
    ended(red("✗"), "failed");
    throw error;
  }
  ended(green("✓"), show(result));
  return result;
}
