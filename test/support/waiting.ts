import { setTimeout as pause } from "node:timers/promises";

/** Fails when `work` takes longer than `ms`: no test waits for ever. */
export async function within<T>(ms: number, work: Promise<T>, what = "this"): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `holds()` is true; fails with `what` when it is not in time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  ms = 5_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not in ${ms} ms: ${what}`);
    await pause(5);
  }
}
