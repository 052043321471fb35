/** Whether a target is a path or below it: `/talk`, `/talk?x`, `/talk/v1`, and not `/talks`. The empty path has all below it. */
export function isBelow(target: string, basePath: string): boolean {
  const path = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?#]*/i, "");
  if (!path.startsWith(basePath)) return false;
  const next = path.charAt(basePath.length);
  return basePath === "" || next === "" || next === "/" || next === "?";
}

/** `/talk/v1/rooms` as `/v1/rooms`, where the path is `/talk`. The target is below it. */
export function withoutBase(target: string, basePath: string): string {
  const rest = target.slice(basePath.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}
