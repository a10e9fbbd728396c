/** What a piece of work took in this process. */
export interface Cost {
  readonly wallMs: number;
  readonly cpuUs: number;
}

export async function costOf(work: () => Promise<void>): Promise<Cost> {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuUs: user + system };
}

/**
 * Makes this process answer the messages of its parent, as {@link Child.ask} expects it: each with the result of `answer`. Ends the process
 * with the parent's, and if an answer fails.
 */
export function answerOrders<Order, Answer>(answer: (order: Order) => Promise<Answer>): void {
  process.on("message", (order: Order) => {
    answer(order).then(
      (result) => process.send?.(result),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}
