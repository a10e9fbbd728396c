/**
 * Replaces `$(NAME)` by the values of variables, once: what a value contains is not replaced again. `$$` becomes `$`; `$(NAME)` of
 * an unknown variable, `$(` without an end and a single `$` stay as they are.
 *
 * @param lookup returns undefined for an unknown variable
 */
export function expandVariables(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (match, name: string | undefined) =>
    name === undefined ? "$" : (lookup(name) ?? match),
  );
}
