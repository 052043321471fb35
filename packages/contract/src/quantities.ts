const unitsMs = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** `90s`, `30m`, `12h`, `7d`, in milliseconds; undefined: it is not one. Options and the configuration file share it. */
export function durationMsFrom(text: string): number | undefined {
  const [, digits = "", unit = ""] = /^([0-9]+)([smhd])$/.exec(text) ?? [];
  const unitMs = unitsMs.get(unit);
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}

/** What `durationMsFrom` takes, for errors. */
export const durationForm = "a time such as 90s, 30m, 12h or 7d";

const unitBytes = new Map([
  ["", 1],
  ["k", 1_000],
  ["m", 1_000_000],
  ["g", 1_000_000_000],
  ["ki", 1_024],
  ["mi", 1_048_576],
  ["gi", 1_073_741_824],
]);

/** `1000000`, `500MB`, `2GiB`, in bytes; undefined: it is not one. */
export function bytesFrom(text: string): number | undefined {
  const [, digits = "", unit] = /^([0-9]+) ?([kmg]i?)?b?$/i.exec(text) ?? [];
  const bytes = unitBytes.get((unit ?? "").toLowerCase());
  return digits === "" || bytes === undefined ? undefined : Number(digits) * bytes;
}

/** What `bytesFrom` takes, for errors. */
export const bytesForm = "a size such as 1000000, 500MB or 2GiB";
