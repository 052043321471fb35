import { formatPosition, type Position } from "@confab/contract";
import { position } from "@confab/contract/gen/confab/v1/tables";
import type { Request } from "../wire/requests.js";
import { planOf } from "../wire/table.js";

/**
 * The query string of a request of the contract, with its question mark; empty without any field that is set. Proto3 defaults
 * are left out, and so are the fields that are in the path. Positions have their text form.
 */
export function queryOf({ table, message }: Request, inPath: readonly string[] = []): string {
  const query = new URLSearchParams();
  for (const { name, type } of planOf(table).fields) {
    const value: unknown = message[name];
    if (value === undefined || value === "" || value === 0 || value === false || inPath.includes(name)) continue;
    query.set(name, type === position ? formatPosition(value as Position) : String(value));
  }
  // Not by its `size`, which Safari before 17 does not have.
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
