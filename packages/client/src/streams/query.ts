/** A query string of the values that are set, with its question mark; empty without any. Proto3 defaults are left out. */
export function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "" && value !== 0 && value !== false) query.set(name, String(value));
  }
  // Not by its `size`, which Safari before 17 does not have.
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
