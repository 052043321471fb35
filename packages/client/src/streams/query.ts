import { formatPosition, type Position } from "@confab/contract";
import { position } from "@confab/contract/gen/confab/v1/tables";
import type { Request } from "../wire/requests.js";
import { planOf } from "../wire/table.js";

/**
 * The query string of a request of the contract, with its question mark; empty without any field that is set. Proto3 defaults
 * are left out, and so are the fields that are in the path. Positions have their text form, fields of other messages a dotted
 * name, and each item of a list a parameter.
 */
export function queryOf({ table, message }: Request, inPath: readonly string[] = []): string {
  const query = new URLSearchParams();
  put(query, "", { table, message }, inPath);
  // Not by its `size`, which Safari before 17 does not have.
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

function put(
  query: URLSearchParams,
  within: string,
  { table, message }: Request,
  leftOut: readonly string[] = [],
): void {
  for (const { name, type, isMany } of planOf(table).fields) {
    const value: unknown = message[name];
    if (value === undefined || value === "" || value === 0 || value === false || leftOut.includes(name)) continue;
    if (isMany) for (const each of value as readonly unknown[]) query.append(within + name, String(each));
    else if (type === position) query.set(within + name, formatPosition(value as Position));
    else if (typeof type === "object")
      put(query, `${within}${name}.`, { table: type, message: value as Request["message"] });
    else query.set(within + name, String(value));
  }
}
