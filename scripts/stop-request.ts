/** Resolves with the first signal that ends a command, or uncaught error. A second one exits at once. */
export function stopRequest(): Promise<string> {
  return new Promise((resolve) => {
    let requestedAt = 0;
    const stop = (why: string) => {
      // npm forwards signals: a signal to the whole process group arrives twice.
      if (requestedAt !== 0 && performance.now() - requestedAt < 500) return;
      if (requestedAt !== 0) {
        console.error(`${why}: exiting without cleanup`);
        process.exit(1);
      }
      requestedAt = performance.now();
      resolve(why);
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
    process.on("uncaughtException", (error) => {
      console.error(error);
      process.exitCode = 1;
      stop("uncaught error");
    });
  });
}
