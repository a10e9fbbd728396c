// The output of the quickstart: one line per step, with its duration; on a terminal, also the current step.
const { stdout } = process;
const colour = (code: number) => (text: string) =>
  stdout.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;
const [red, green, grey] = [colour(31), colour(32), colour(90)];

export const say = (line: string): void => console.log(line);

let interrupted = "";
// Ends the run after the current step, so that the clean-up still happens. A second signal ends the process at once.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    interrupted = signal;
  });

/** Awaits one step, and prints its result and duration. Throws if a signal arrived in the meantime. */
export async function step<T>(name: string, work: Promise<T>, show?: (result: T) => string): Promise<T> {
  const result = await cleanUp(name, work, show);
  if (interrupted) throw new Error(`ended by ${interrupted}`);
  return result;
}

/** Runs a step of the clean-up, which a signal does not skip. */
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
