/** Formats a table: the first column is left-aligned, the numbers are right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** Formats a ratio; empty where there is none. */
export function times(ratio: number | undefined): string {
  return ratio === undefined || Number.isNaN(ratio) ? "" : `${ratio.toFixed(2)} ×`;
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
