import { guardedGlobals, ownedModules, ownedNames, type Place, places } from "./picture.js";
import { type Import, importedPath, type SourceFile, withoutExtension } from "./source-file.js";

/** Every breach of the picture in the files, as lines for people: `path:line: what is wrong`. */
export function violationsIn(files: readonly SourceFile[]): string[] {
  return files.filter((file) => !isForTests(file.path)).flatMap(violationsOf);
}

function violationsOf(file: SourceFile): string[] {
  const place = placeOf(file.path);
  if (place === undefined) return [`${file.path}: this folder is in no place of the picture`];
  const at = (lineNumber: number, problem: string | undefined) =>
    problem === undefined ? [] : [`${file.path}:${lineNumber}: ${problem}`];
  return [
    ...file.imports.flatMap((each) => at(each.lineNumber, importProblem(file, place, each))),
    ...file.chains.flatMap(({ text, lineNumber }) => at(lineNumber, globalProblem(place, text))),
  ];
}

function importProblem(
  file: SourceFile,
  place: Place,
  { text: specifier, isOfTypes, names }: Import,
): string | undefined {
  const path = importedPath(file.path, specifier);
  if (path === undefined) return outsideProblem(place, specifier);
  if (isForTests(path)) return place.name === "tests" ? undefined : `imports ${specifier}, which is for tests`;
  if (specifier.startsWith(".") && packageOf(path) !== packageOf(file.path)) {
    return `imports ${specifier} of another package by path, not by its name`;
  }
  const target = placeOf(path);
  if (target === undefined) return `imports ${specifier}, which is in no place of the picture`;
  const hasTypeArrow = Object.hasOwn(place.mayImportTypes ?? {}, target.name);
  if (target === place || Object.hasOwn(place.mayImport, target.name) || (hasTypeArrow && isOfTypes)) {
    return ownedNameProblem(place, target, names);
  }
  return `imports ${specifier}: no arrow from ${place.name} to ${target.name}${hasTypeArrow ? ", except for types" : ""}`;
}

function ownedNameProblem(place: Place, target: Place, names: readonly string[]): string | undefined {
  for (const { of, names: owned, places: owners, reason } of ownedNames) {
    const taken = names.find((name) => of === target.name && owned.includes(name));
    if (taken !== undefined && !owners.includes(place.name)) {
      return `imports ${taken} of ${of}, which belongs to ${owners.join(", ")}: ${reason}`;
    }
  }
  return undefined;
}

function outsideProblem(place: Place, specifier: string): string | undefined {
  const isModule = (module: string) => specifier === module || specifier.startsWith(`${module}/`);
  if (place.outside !== undefined && !place.outside.some(isModule)) {
    return `imports ${specifier}: ${place.name} may import of outside modules ${place.outside.join(", ") || "none"}`;
  }
  const owned = ownedModules.find(({ module }) => isModule(module));
  const isServer = place.folder.startsWith("packages/server/");
  if (owned === undefined || !isServer || owned.places.includes(place.name)) return undefined;
  return `imports ${specifier}, which belongs to ${owned.places.join(", ")}: ${owned.reason}`;
}

function globalProblem(place: Place, chain: string): string | undefined {
  const broken = guardedGlobals.find(
    ({ names, isFree }) => !isFree(place.name) && names.some((name) => chain === name || chain.startsWith(`${name}.`)),
  );
  return broken && `touches ${chain}: ${broken.reason}`;
}

/** The place of a file, with its extension or without. */
function placeOf(path: string): Place | undefined {
  return places.find(
    ({ folder, files = [] }) =>
      path.startsWith(`${folder}/`) || files.some((file) => withoutExtension(path) === withoutExtension(file)),
  );
}

function packageOf(path: string): string | undefined {
  return /^packages\/[^/]+/.exec(path)?.[0];
}

function isForTests(path: string): boolean {
  return /\.test(?:\.tsx?)?$|\/testing\//.test(path);
}
