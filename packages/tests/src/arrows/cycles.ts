import { importedPath, type SourceFile, withoutExtension } from "./source-file.js";

/** The cycles among the files, by imports of any kind: each as `a → b → a`, once, from its first file by name. */
export function cyclesIn(files: readonly SourceFile[]): string[] {
  const arrows = new Map(
    files.map(({ path, imports }) => [withoutExtension(path), imports.map(({ text }) => importedPath(path, text))]),
  );
  const finished = new Set<string>();
  const cycles = new Set<string>();
  const trail: string[] = [];

  // Depth first; a file that is met again while it is still on the trail closes a cycle.
  function visit(path: string): void {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.add(cycleText(trail.slice(start)));
    if (start >= 0 || finished.has(path)) return;
    trail.push(path);
    for (const next of arrows.get(path) ?? []) if (next !== undefined) visit(next);
    trail.pop();
    finished.add(path);
  }

  for (const path of [...arrows.keys()].sort()) visit(path);
  return [...cycles].sort();
}

function cycleText(cycle: readonly string[]): string {
  const first = cycle.indexOf([...cycle].sort()[0] ?? "");
  const turned = [...cycle.slice(first), ...cycle.slice(0, first)];
  return [...turned, turned[0]].join(" → ");
}
